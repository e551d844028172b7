import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Host } from '../contract.ts';
import type { TransferRunner } from './run/transfer-runner.ts';

const PART = 'transfer of recordings';

/** Transfers of recordings from other disks, folders and boxes. Their code is loaded with the first use. */
export class Transfers {
  readonly #host: Host;
  readonly #file: string;
  #runner: TransferRunner | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#file = join(host.dataDir, 'transfer.json');
  }

  /** Called before anything lists recordings: those that are being moved are not listed twice. */
  async begin(): Promise<void> {
    if (existsSync(this.#file)) {
      await (await this.runner()).begin();
    }
  }

  component(): Component<Config> {
    return {
      name: PART,
      isOptional: () => true,
      settings: () => 'on',
      start: async () => {
        await this.begin();
        this.#runner?.work();
        // It stays: requests during a stop are refused or see its state.
        return async () => this.#runner?.close();
      },
    };
  }

  async runner(): Promise<TransferRunner> {
    const { TransferRunner: Runner } = await loadLate(PART, () => import('./run/transfer-runner.ts'));
    this.#runner ??= new Runner(this.#host, this.#file);
    return this.#runner;
  }
}
