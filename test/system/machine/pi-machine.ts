import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { freePort } from '../../support/base/free-port.ts';
import { builtCard, readBootFiles, writeSetup } from './card.ts';
import { CLOCK } from './machine.ts';

const run = promisify(execFile);
const TREE = 'bcm2837-rpi-3-b.dtb';
/** QEMU's card has a power of two. */
const CARD_SIZE = '8G';
/**
 * The first serial port is the one to the Bluetooth chip. QEMU resets the machine when its watchdog is armed, so systemd
 * does not arm it.
 */
const MORE_PARAMETERS = 'console=ttyS1,115200 systemd.watchdog_sec=off';

/**
 * The image on a card in QEMU's Raspberry Pi 3 B, unchanged but for the owner's setup file, and reached by the network
 * alone. QEMU has no firmware of a Pi: U-Boot, device tree and command line are taken from the card as the firmware takes
 * them.
 */
export class PiMachine implements AsyncDisposable {
  readonly #folder: string;
  readonly #card: string;
  readonly #key: string;
  #ports: { readonly page: number; readonly ssh: number } = { page: 0, ssh: 0 };
  #process: RunningProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#card = join(folder, 'card');
    this.#key = join(folder, 'key');
  }

  /** It is off. @param setup lines of the setup file; a key for SSH is added */
  static async make(setup: string): Promise<PiMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'perch-pi-machine-'));
    try {
      const card = await builtCard(folder);
      await run('truncate', ['-s', CARD_SIZE, card]);
      const key = join(folder, 'key');
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', key]);
      await writeSetup(card, `${setup}ssh-key: ${readFileSync(`${key}.pub`, 'utf8')}`);
      return new PiMachine(folder);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  async switchOn(): Promise<void> {
    await readBootFiles(this.#card, ['u-boot.bin', 'cmdline.txt', TREE], this.#folder);
    this.#ports = { page: await freePort(), ssh: await freePort() };
    const { page, ssh } = this.#ports;
    const at = (name: string) => join(this.#folder, name);
    const forwarded = `hostfwd=tcp:127.0.0.1:${page}-:80,hostfwd=tcp:127.0.0.1:${ssh}-:22`;
    this.#process = startProcess('setpriv', [
      // No machine outlives the test, however it ends.
      ...['--pdeathsig', 'KILL', 'qemu-system-aarch64', ...CLOCK, '-M', 'raspi3b'],
      ...['-kernel', at('u-boot.bin'), '-dtb', at(TREE)],
      ...['-append', `${readFileSync(at('cmdline.txt'), 'utf8').trim()} ${MORE_PARAMETERS}`],
      ...['-drive', `file=${this.#card},format=raw,if=sd`],
      ...['-netdev', `user,id=net,restrict=on,${forwarded}`, '-monitor', `unix:${at('monitor')},server=on,wait=off`],
      ...['-display', 'none', '-no-reboot', '-serial', 'null', '-serial', 'stdio'],
    ]);
    await this.#process.waitFor(/Starting kernel/);
    await this.#plugNetwork(at('monitor'));
  }

  /** A device that U-Boot has used does not answer Linux: QEMU's USB controller has no reset. */
  async #plugNetwork(monitor: string): Promise<void> {
    const socket = connect(monitor);
    await once(socket, 'connect');
    const over = once(socket, 'close');
    socket.resume().end('device_add usb-net,netdev=net\n');
    await over;
  }

  /** Of Perch, from outside. */
  get url(): string {
    return `http://127.0.0.1:${this.#ports.page}`;
  }

  /** Runs it again and again until it succeeds; the test's own time limit is the end. @returns its output, trimmed */
  async until(command: string): Promise<string> {
    return this.#untilIn(async () => (await this.#ssh(command)).stdout.trim());
  }

  /** An answer that is good, as soon as there is one. */
  untilAnswered(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return this.#untilIn(async () => {
      const answer = await fetch(`${this.url}${path}`, { headers, signal: AbortSignal.timeout(60_000) });
      if (!answer.ok) {
        throw new Error(`${path}: ${answer.status}`);
      }
      return answer;
    });
  }

  /** As when the plug is pulled. */
  async powerCut(): Promise<void> {
    await this.#process?.stop('SIGKILL');
    this.#process = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.powerCut();
    rmSync(this.#folder, { recursive: true });
  }

  async #untilIn<T>(work: () => Promise<T>): Promise<T> {
    let isOver = false;
    void this.#process?.exited.then(() => {
      isOver = true;
    });
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (isOver || !this.#process) {
          throw new Error(`the machine went off; its console said last:\n${this.#process?.output().slice(-3_000)}`, {
            cause: error,
          });
        }
        await delay(1_000);
      }
    }
  }

  #ssh(command: string): Promise<{ stdout: string }> {
    // Its host key is made at the first start.
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes'];
    return run('ssh', [
      ...options.flatMap((option) => ['-o', option]),
      ...['-i', this.#key, '-p', String(this.#ports.ssh), 'root@127.0.0.1', command],
    ]);
  }
}
