import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../agent/base/clock.ts';
import { PerchError } from '../agent/base/errors.ts';
import { MAX_REQUEST_BYTES } from './updater/watched.ts';

/** Tasks that need root, by the name of their service (`perch-NAME.service`). */
type HostTask = 'disk' | 'update' | 'clock' | 'network' | 'wireguard';

/** The result. Tasks add further fields. */
export interface HostAnswer {
  readonly ok: boolean;
  readonly text: string;
  readonly [field: string]: unknown;
}

/** Folder of the answers: only root writes there. */
const ANSWERS = '/run/perch-host';
const POLL_MS = 200;
/** Longest request that the services read, in bytes. */
const MAX_BYTES_OF_TASK: Readonly<Record<HostTask, number>> = {
  disk: 4_096,
  clock: 4_096,
  network: 4_096,
  wireguard: 4_096,
  update: MAX_REQUEST_BYTES,
};
const MAX_ANSWER_BYTES = 16_384;

interface HostRequestsDeps {
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  readonly answers?: string;
}

/**
 * Asks services of the host for what the unprivileged agent may not do. A request is a file in the data folder, which
 * systemd watches (`perch-NAME.path`); the answer is a file in a folder where only root writes. `NAME.ready` in that
 * folder, from the package, names the data folder that the service watches: another Perch on the same machine is
 * ignored.
 */
export class HostRequests {
  readonly #deps: HostRequestsDeps;
  readonly #answers: string;
  readonly #asking = new Set<HostTask>();

  constructor(deps: HostRequestsDeps) {
    this.#deps = deps;
    this.#answers = deps.answers ?? ANSWERS;
  }

  /** Whether a service for the task is installed; without one the user does the task by hand. */
  offers(task: HostTask): boolean {
    try {
      return readFileSync(join(this.#answers, `${task}.ready`), 'utf8').trim() === this.#deps.dataDir;
    } catch {
      return false;
    }
  }

  /**
   * One request per task at a time. The service may end this process before the answer arrives.
   * @param fields of the request, in addition to its id
   * @param signal ends the wait, not the task; a request not read within `patienceMs` is withdrawn
   * @throws PerchError `unsupported` no service here, `exhausted` a request is pending, `timeout` no answer within
   * `patienceMs`
   */
  async ask(task: HostTask, fields: object, patienceMs: number, signal: AbortSignal): Promise<HostAnswer> {
    if (!this.offers(task)) {
      throw new PerchError('unsupported', `no service on this machine does '${task}' for Perch`, { task });
    }
    if (this.#asking.has(task)) {
      throw new PerchError('exhausted', `another request for '${task}' is pending: try again in a moment`, {
        task,
        isBusy: true,
      });
    }
    this.#asking.add(task);
    try {
      const id = randomBytes(16).toString('hex');
      await this.#place(task, `${JSON.stringify({ id, ...fields })}\n`);
      return await this.#answered(task, id, patienceMs, signal);
    } finally {
      this.#asking.delete(task);
    }
  }

  /** The service's last answer to any request: it may have arrived while this process restarted. */
  async lastAnswer(task: HostTask): Promise<(HostAnswer & { readonly id: string }) | undefined> {
    try {
      const file = await open(join(this.#answers, `${task}.json`), 'r');
      const bytes = Buffer.alloc(MAX_ANSWER_BYTES + 1);
      const { bytesRead } = await file.read(bytes).finally(() => file.close());
      return parseAnswer(bytes.toString('utf8', 0, bytesRead));
    } catch {
      return undefined;
    }
  }

  async #place(task: HostTask, text: string): Promise<void> {
    const maxBytes = MAX_BYTES_OF_TASK[task];
    if (Buffer.byteLength(text) > maxBytes) {
      throw new PerchError('badInput', `a request for '${task}' of more than ${maxBytes} bytes`, { task });
    }
    const folder = join(this.#deps.dataDir, 'requests');
    const file = join(folder, `${task}.json`);
    const temporary = `${file}.new`;
    try {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      await rm(temporary, { force: true });
      const handle = await open(temporary, 'wx', 0o640);
      await handle.writeFile(text).finally(() => handle.close());
      await rename(temporary, file);
    } catch (cause) {
      throw new PerchError('unavailable', `cannot write ${file}`, { task }, cause);
    }
  }

  async #answered(task: HostTask, id: string, patienceMs: number, signal: AbortSignal): Promise<HostAnswer> {
    const { clock } = this.#deps;
    const endMs = clock.monoMs() + patienceMs;
    while (!signal.aborted && clock.monoMs() < endMs) {
      const answer = await this.lastAnswer(task);
      if (answer?.id === id) {
        const { id: _, ...said } = answer;
        return said;
      }
      await clock.sleep(POLL_MS, signal);
    }
    const file = join(this.#deps.dataDir, 'requests', `${task}.json`);
    const isUnread = await readFile(file, 'utf8').then(
      (text) => text.includes(id),
      () => false,
    );
    if (isUnread && !signal.aborted) {
      // The agent no longer waits for it.
      await rm(file, { force: true });
    }
    const what = isUnread ? `systemctl status perch-${task}.path` : `journalctl -u perch-${task}.service`;
    throw new PerchError('timeout', `perch-${task}.service has not answered: see ${what}`, { task });
  }
}

export function parseAnswer(text: string): (HostAnswer & { readonly id: string }) | undefined {
  if (text.length > MAX_ANSWER_BYTES) {
    return undefined;
  }
  try {
    const { id, ok, text: said, ...more } = JSON.parse(text);
    return typeof id === 'string' && typeof ok === 'boolean' && typeof said === 'string'
      ? { ...more, id, ok, text: said }
      : undefined;
  } catch {
    return undefined;
  }
}
