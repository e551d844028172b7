import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Credential } from '../../../../agent/features/fleet/bus/credential.ts';
import { memberOf } from '../../../../agent/features/fleet/bus/credential.ts';
import { eventSubject } from '../../../../agent/features/fleet/bus/subjects.ts';
import { NATS_AUTHORITY } from '../../../peers/programs/nats-server.ts';
import type { FloodOrder } from './flood-process.ts';

/** Whoever has the credential of a box publishes events of it as fast as the NATS server reads them. */
export class Flood implements AsyncDisposable {
  readonly #child: ChildProcess;

  static async start(url: string, { jwt, seed }: Credential): Promise<Flood> {
    const child = fork(join(import.meta.dirname, 'flood-process.ts'), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const order: FloodOrder = {
      ...{ port: Number(new URL(url).port), authority: NATS_AUTHORITY, jwt, seed },
      subject: eventSubject(memberOf(jwt).id),
      body: JSON.stringify({ id: 'flood', path: 'gate', type: 'motion', text: 'x'.repeat(200) }),
    };
    child.send(order);
    await once(child, 'message');
    return new Flood(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
  }
}
