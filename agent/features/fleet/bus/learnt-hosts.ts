import { join } from 'node:path';
import Type from 'typebox';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import { HostList } from './host-list.ts';

/** In the data folder. */
export const LEARNT_FILE = 'fleet-hosts.json';

const Learnt = Type.Object({
  /** Public key of the fleet that signed the list. */
  account: Type.String({ maxLength: 64 }),
  list: HostList,
});

/** The list of hosts that a box has from a server. The credential is not written: another process may replace it at any time. */
export class LearntHosts {
  readonly #document: StoredDocument<typeof Learnt>;

  constructor(dataDir: string, log: Logger) {
    this.#document = new StoredDocument(join(dataDir, LEARNT_FILE), Learnt, log);
  }

  /** The list of this fleet; undefined: none was learnt, or it cannot be read. */
  async of(account: string): Promise<HostList | undefined> {
    const learnt = await this.#document.open(
      'this box has lost the servers of the fleet that it learnt: the next order has them',
    );
    return learnt?.account === account ? learnt.list : undefined;
  }

  /** @throws PerchError unavailable */
  keep(account: string, list: HostList): Promise<void> {
    return this.#document.save(() => ({ account, list }));
  }
}
