import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { Fetches } from '../../features/contract.ts';
import type {
  FolderList,
  ImportForecast,
  LookRequest,
  TransferControl,
  TransferForecast,
  TransferRequest,
  TransferState,
} from '../../http/api/recordings/transfer-routes.ts';
import { loadLate } from '../../protocols/late.ts';
import type { TransferDeps, TransferRunner } from './transfer-runner.ts';

const PART = 'transfer of recordings';
const NOTHING = { done: 0, total: 0 };
const IDLE: TransferState = {
  kind: null,
  phase: 'idle',
  from: null,
  to: null,
  files: NOTHING,
  bytes: NOTHING,
  bytesPerSecond: null,
  remainingSeconds: null,
  current: null,
  error: null,
  why: null,
  leftOut: { count: 0, items: [] },
  present: 0,
  started: null,
  paths: [],
};

interface TransfersDeps extends Omit<TransferDeps, 'file' | 'camerasFile' | 'fetches'> {
  readonly dataDir: string;
  readonly features: { fetches(): Promise<Fetches | undefined> };
}

/** Transfers of recordings from other disks, folders and boxes. Their code is loaded with the first use. */
export class Transfers implements TransferControl {
  readonly #deps: Omit<TransferDeps, 'fetches'>;
  readonly #features: TransfersDeps['features'];
  #runner: TransferRunner | undefined;

  constructor({ dataDir, features, ...deps }: TransfersDeps) {
    const [file, camerasFile] = [join(dataDir, 'transfer.json'), join(dataDir, 'transfer-cameras.json')];
    this.#deps = { ...deps, file, camerasFile };
    this.#features = features;
  }

  /** Starts before anything lists recordings. */
  component(): Component<Config> {
    return {
      name: PART,
      isOptional: () => true,
      settings: () => 'on',
      start: async () => {
        if (existsSync(this.#deps.file)) {
          await (await this.#load()).begin();
        }
        return async () => {
          await this.#runner?.close();
          this.#runner = undefined;
        };
      },
    };
  }

  get state(): TransferState {
    return this.#runner?.state ?? IDLE;
  }

  async start(request: TransferRequest): Promise<void> {
    await (await this.#load()).start(request);
  }

  async foresee(request: TransferRequest): Promise<TransferForecast> {
    return (await this.#load()).foresee(request);
  }

  async look(request: LookRequest): Promise<ImportForecast> {
    return (await this.#load()).look(request);
  }

  async pause(): Promise<void> {
    await (await this.#load()).pause();
  }

  async resume(): Promise<void> {
    await (await this.#load()).resume();
  }

  async cancel(): Promise<void> {
    await (await this.#load()).cancel();
  }

  async folders(path: string): Promise<FolderList> {
    return (await this.#load()).folders(path);
  }

  async #load(): Promise<TransferRunner> {
    const { TransferRunner: Runner } = await loadLate(PART, () => import('./transfer-runner.ts'));
    const fetches = await this.#features.fetches();
    this.#runner ??= new Runner({ ...this.#deps, fetches });
    return this.#runner;
  }
}
