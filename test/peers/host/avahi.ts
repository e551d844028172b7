import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../agent/agent.ts';
import { runProcess, startProcess } from '../programs/process.ts';

/** Linux's usual mDNS responder, on one machine of a network. */
export interface Avahi extends AsyncDisposable {
  /** Its output so far. */
  output(): string;
  /** Resolves a name in the network; undefined without an answer. */
  resolve(name: string): Promise<string | undefined>;
  /** The pages in the network over IPv4: `Perch perch.local 198.19.0.2 80`. */
  pages(): Promise<readonly string[]>;
}

/** @param machine name of its network namespace @param hostName that it publishes */
export async function startAvahi(machine: string, hostName: string): Promise<Avahi> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-avahi-'));
  const socket = `unix:path=${folder}/bus`;
  writeFileSync(join(folder, 'bus.conf'), busConfig(socket));
  writeFileSync(join(folder, 'avahi.conf'), avahiConfig(hostName));
  const env = { DBUS_SYSTEM_BUS_ADDRESS: socket };
  const bus = startProcess('dbus-daemon', [`--config-file=${folder}/bus.conf`, '--nofork', '--print-address=1']);
  await bus.waitFor(/unix:path/);
  // Its PID file below /run has room for one: each instance has its own /run.
  const script = `mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon --file=${folder}/avahi.conf --no-drop-root --no-chroot --no-rlimits`;
  const daemon = startProcess('ip', ['netns', 'exec', machine, 'sh', '-c', script], env);
  await daemon.waitFor(/Server startup complete/);
  const ask = (command: string, ...args: readonly string[]) =>
    runProcess('env', [...Object.entries(env).map(([key, value]) => `${key}=${value}`), command, ...args]);
  return {
    output: () => daemon.output(),
    resolve: async (name) => {
      const { output } = await ask('avahi-resolve', '-4', '-n', name);
      return output.startsWith(`${name}\t`) ? output.split('\t')[1]?.trim() : undefined;
    },
    pages: async () => {
      const { output } = await ask('avahi-browse', '-rtp', '_http._tcp');
      const found = output.split('\n').flatMap((line) => {
        // =;eth0;IPv4;Perch;Web Site;local;perch.local;198.19.0.2;80;"path=/"
        const [kind, , family, title = '', , , host, address, port] = line.split(';');
        return kind === '=' && family === 'IPv4' ? [`${unescaped(title)} ${host} ${address} ${port}`] : [];
      });
      return [...new Set(found)].sort();
    },
    async [Symbol.asyncDispose]() {
      await daemon.stop('SIGTERM');
      await bus.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Blanks and similar characters are `\032` there, in decimal digits. */
const unescaped = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_all, digits: string) => String.fromCharCode(Number(digits)));

/** Until its view meets the condition; the test's own time limit is the end. */
export const pagesBecome = (avahi: Avahi, wanted: readonly string[]): Promise<true> =>
  until(async () => ((await avahi.pages()).join('\n') === [...wanted].sort().join('\n') ? true : undefined));

const busConfig = (
  socket: string,
): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>${socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`;

const avahiConfig = (hostName: string): string => `[server]
host-name=${hostName}
use-ipv4=yes
use-ipv6=yes
allow-interfaces=eth0
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
`;
