import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Name of the virtio port by which the guest finds its shell. */
const PORT = 'perch-shell';
const CONSOLE_CHARS = 200_000;
/**
 * Parameters of QEMU. The machine's clock advances with the instructions that it has executed, two nanoseconds for each, about as on a
 * small board: however busy the host is, no time limit in the machine is too short.
 */
export const CLOCK: readonly string[] = ['-accel', 'tcg,thread=single', '-icount', 'shift=1'];

export interface MachineOptions {
  /** Command of QEMU with the disks. The console, the port of the shell and the end with the test are added. */
  readonly command: readonly string[];
  /** Folder for the socket of the shell, which no other machine uses. */
  readonly folder: string;
}

export interface Ran {
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

/** A machine under QEMU whose root had `layShell`: commands are run in it as root, one at a time. */
export class Machine implements AsyncDisposable {
  readonly #options: MachineOptions;
  #process: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #shell: Shell | undefined;
  #console = '';

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  /** Switches it on, and resolves when commands can be run; the disks are as they were left. */
  async boot(): Promise<void> {
    const socket = join(this.#options.folder, 'shell');
    rmSync(socket, { force: true });
    this.#console = '';
    const shell = ['-device', 'virtio-serial', '-device', `virtserialport,chardev=shell,name=${PORT}`];
    const args = [
      // No machine outlives the test, however it ends.
      ...['--pdeathsig', 'KILL', ...this.#options.command],
      ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-reboot', ...shell],
      ...['-chardev', `socket,id=shell,path=${socket},server=on,wait=off`],
    ];
    const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#exited = once(child, 'close');
    const take = (chunk: Buffer) => {
      this.#console = (this.#console + chunk.toString('latin1')).slice(-CONSOLE_CHARS);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    let isOver = false;
    void this.#exited.then(() => {
      isOver = true;
    });
    this.#shell = new Shell(await connected(socket, () => isOver), () => this.#console);
    await this.#shell.ready;
  }

  run(command: string): Promise<Ran> {
    if (!this.#shell) {
      throw new Error('the machine is off');
    }
    return this.#shell.run(command);
  }

  /** Runs what has to succeed. @returns its output, trimmed */
  async must(command: string): Promise<string> {
    const { code, output } = await this.run(command);
    if (code !== 0) {
      throw new Error(`${command}: ${code}\n${output}`);
    }
    return output.trim();
  }

  /** Runs it again and again until it succeeds; the test's own time limit is the end. @returns its output, trimmed */
  async until(command: string): Promise<string> {
    for (;;) {
      const began = performance.now();
      const { code, output } = await this.run(command);
      if (code === 0) {
        return output.trim();
      }
      // So that an emulated machine has most of its time for what is awaited.
      await delay(Math.min(Math.max(500, 4 * (performance.now() - began)), 5_000));
    }
  }

  /** Output of the kernel and systemd. */
  get console(): string {
    return this.#console;
  }

  /** As when the plug is pulled: what the machine had only in its memory is lost. */
  async powerCut(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#off();
  }

  /** It panics or restarts, which ends QEMU. */
  untilOff(): Promise<void> {
    return this.#off();
  }

  /** Shuts down in good order. */
  async shutDown(): Promise<void> {
    // The shell may end before it can answer.
    await this.run('systemctl poweroff').catch(() => {});
    await this.#off();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.powerCut();
  }

  async #off(): Promise<void> {
    await this.#exited;
    this.#process = undefined;
    this.#shell = undefined;
  }
}

async function connected(path: string, isOver: () => boolean): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    const error = await once(socket, 'connect').then(
      () => undefined,
      (cause: Error) => cause,
    );
    if (!error) {
      return socket;
    }
    if (isOver()) {
      throw new Error('QEMU has ended at once', { cause: error });
    }
    await delay(50);
  }
}

/** The host's end: lines `ID BASE64` go in, lines `ID CODE BASE64` come back. */
class Shell {
  readonly #socket: Socket;
  readonly #console: () => string;
  readonly #waiting = new Map<string, { resolve(ran: Ran): void; reject(error: Error): void }>();
  readonly ready: Promise<void>;
  #became = { ready: () => {}, gone: (_error: Error) => {} };
  #text = '';
  #ids = 0;
  #isGone = false;

  constructor(socket: Socket, console: () => string) {
    this.#socket = socket;
    this.#console = console;
    this.ready = new Promise((ready, gone) => {
      this.#became = { ready, gone };
    });
    socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => this.#gone());
  }

  run(command: string): Promise<Ran> {
    if (this.#isGone) {
      return Promise.reject(this.#end(command));
    }
    this.#ids += 1;
    const id = String(this.#ids);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject: () => reject(this.#end(command)) });
      this.#socket.write(`${id} ${Buffer.from(command).toString('base64')}\n`);
    });
  }

  #take(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      const [id = '', code = '', output = ''] = line.trim().split(' ');
      if (id === 'ready') {
        this.#became.ready();
      }
      this.#waiting.get(id)?.resolve({ code: Number(code), output: Buffer.from(output, 'base64').toString() });
      this.#waiting.delete(id);
    }
  }

  #gone(): void {
    this.#isGone = true;
    const error = this.#end('its start');
    this.#became.gone(error);
    for (const { reject } of this.#waiting.values()) {
      reject(error);
    }
    this.#waiting.clear();
  }

  #end(during: string): Error {
    return new Error(`the machine went off during ${during}; its console said last:\n${this.#console().slice(-3_000)}`);
  }
}

/** The guest's end. A command that hangs is ended after ten minutes. */
const SCRIPT = `#!/bin/bash
exec 3<> /dev/virtio-ports/${PORT}
echo ready >&3
while read -r id text <&3; do
	base64 -d <<< "$text" > /run/perch-shell.command
	timeout 600 bash /run/perch-shell.command > /run/perch-shell.output 2>&1 < /dev/null 3>&-
	echo "$id $? $(base64 -w0 /run/perch-shell.output)" >&3
done
`;
const UNIT = `[Unit]
Description=Commands of a test
Wants=dev-virtio\\x2dports-perch\\x2dshell.device
After=dev-virtio\\x2dports-perch\\x2dshell.device

[Service]
ExecStart=/usr/local/bin/perch-shell
Restart=always
StandardOutput=null
StandardError=journal

[Install]
WantedBy=multi-user.target
`;

/** @param root of a system with systemd and bash for the machine */
export function layShell(root: string): void {
  const unit = 'etc/systemd/system/perch-shell.service';
  const wants = join(root, 'etc/systemd/system/multi-user.target.wants');
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  mkdirSync(wants, { recursive: true });
  writeFileSync(join(root, 'usr/local/bin/perch-shell'), SCRIPT);
  chmodSync(join(root, 'usr/local/bin/perch-shell'), 0o755);
  writeFileSync(join(root, unit), UNIT);
  symlinkSync(`/${unit}`, join(wants, 'perch-shell.service'));
}
