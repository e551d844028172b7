import { PerchError } from '../../base/errors.ts';
import { nameOf } from '../file/file.ts';
import type { Environment } from '../load/environment.ts';
import type { ConfigStore } from '../store/store.ts';
import type { Problem } from '../yaml/problem.ts';
import { refuseOtherText } from './conflict.ts';
import { secretsIn } from './secrets.ts';

export interface FileText {
  readonly name: string;
  readonly text: string;
  /** Names the text. */
  readonly tag: string;
  readonly problems: readonly Problem[];
}

export interface FileVerdict {
  /** Perch would take it. */
  readonly isUsable: boolean;
  readonly problems: readonly Problem[];
}

/** The configuration file as a text, for whoever writes it himself. */
export class FileEdits {
  readonly #store: ConfigStore;
  readonly #env: Environment;

  constructor(store: ConfigStore, env: Environment) {
    this.#store = store;
    this.#env = env;
  }

  async read(): Promise<FileText> {
    const { text, tag } = await this.#store.look();
    return { name: nameOf(this.#store.file), text, tag, problems: this.#store.problems };
  }

  /** All passwords, tokens and keys in it and in what is in force. */
  async secrets(): Promise<readonly string[]> {
    const { text } = await this.#store.look();
    return secretsIn(this.#store.current, [this.#store.textInForce, text], this.#env);
  }

  check(text: string): FileVerdict {
    const { config, problems } = this.#store.check(text);
    const isUsable = config !== undefined && problems.every(({ severity }) => severity !== 'error');
    return { isUsable: isUsable && text.trim() !== '', problems };
  }

  /**
   * @param seen the tag of the text that this one was made from
   * @throws PerchError badInput with the first error, conflict when the file has another text by now, unavailable
   */
  async write(text: string, seen: string, user: string | undefined): Promise<void> {
    if (text.trim() === '') {
      // No configuration at all is a file for MediaMTX, which lets everybody watch: nobody means that.
      throw new PerchError('badInput', 'the configuration file cannot be empty');
    }
    await this.#store.look();
    await this.#store.replace((now) => {
      refuseOtherText(now, seen);
      return text;
    }, user);
  }
}
