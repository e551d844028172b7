import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '../../peers/programs/process.ts';

/** A network of this host for a machine's card; it stays while the machine is off. */
export interface Switch extends AsyncDisposable {
  /** The namespace's. */
  readonly name: string;
  /** Options of QEMU. */
  card(mac: string): readonly string[];
  /** Runs a program there that has to succeed. @returns its output */
  must(command: string): Promise<string>;
}

let count = 0;

/** A switch `eth0` in a namespace. */
export async function openSwitch(): Promise<Switch> {
  count += 1;
  const name = `perch-${process.pid}-switch${count}`;
  const must = async (command: string, ...args: readonly string[]): Promise<string> => {
    const { code, output } = await runProcess(command, args);
    if (code !== 0) {
      throw new Error(`${command} ${args.join(' ')}: ${output}`);
    }
    return output.trim();
  };
  const folder = mkdtempSync(join(tmpdir(), 'perch-switch-'));
  const script = join(folder, 'connect');
  const connect = ['#!/bin/sh', `ip link set "$1" netns ${name} && ip -n ${name} link set "$1" master eth0 up`];
  writeFileSync(script, `${connect.join('\n')}\n`, { mode: 0o755 });
  await must('ip', 'netns', 'add', name);
  for (const words of ['set lo up', 'add eth0 type bridge forward_delay 0', 'set eth0 up']) {
    await must('ip', '-n', name, 'link', ...words.split(' '));
  }
  return {
    name,
    card: (mac) => [
      '-nic',
      `tap,ifname=pt${process.pid}x${count},script=${script},downscript=no,model=virtio-net-pci,mac=${mac}`,
    ],
    must: (command) => must('ip', 'netns', 'exec', name, 'sh', '-c', command),
    async [Symbol.asyncDispose]() {
      await must('ip', 'netns', 'del', name);
      rmSync(folder, { recursive: true });
    },
  };
}
