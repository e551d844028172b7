import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { runProcess } from '../programs/process.ts';

/** Names of network namespaces, and of bridges (`openSharedNetwork`), with the id of the process that has made them. */
const NAMESPACE = /^perch(?:fw|-empty-|-)(\d+)(?=\D)/;
const BRIDGE = /^ps(\d+)x\d+$/;

/** The bridge's alias: runs in other containers may share this network, and their processes have other ids. */
export const ownProcesses = (): string => readlinkSync('/proc/self/ns/pid');

/** Empty if it has ended meanwhile. */
function aliasOf(bridge: string): string {
  try {
    return readFileSync(`/sys/class/net/${bridge}/ifalias`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Empty where the system has no `ip`. */
const output = async (...args: readonly string[]): Promise<string> => {
  const { output: said } = await runProcess('ip', args).catch(() => ({ output: '' }));
  return said;
};
/** The names in the first column whose process has ended. */
const left = (listed: string, name: RegExp): string[] =>
  listed
    .split('\n')
    .map((line) => line.split(/[\s@]/, 1)[0] ?? '')
    .filter((word) => {
      const pid = name.exec(word)?.[1];
      return pid !== undefined && !existsSync(`/proc/${pid}`);
    });

/** Before a run: removes the networks of tests that were killed, with the programs in them. */
export async function setup(): Promise<void> {
  for (const name of left(await output('netns', 'list'), NAMESPACE)) {
    for (const pid of (await output('netns', 'pids', name)).trim().split('\n').map(Number)) {
      if (pid > 1) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended meanwhile.
        }
      }
    }
    await output('netns', 'del', name);
  }
  for (const name of left(await output('-br', 'link', 'show', 'type', 'bridge'), BRIDGE)) {
    if (aliasOf(name) === ownProcesses()) {
      await output('link', 'del', name);
    }
  }
}
