import { PerchError } from '../../base/errors.ts';
import { nameOf } from '../file/file.ts';
import type { Environment } from '../load/environment.ts';
import type { ConfigStore } from '../store/store.ts';
import type { Problem } from '../yaml/problem.ts';
import { refuseOtherText } from './conflict.ts';
import { secretsIn } from './secrets.ts';

interface FileText {
  readonly name: string;
  readonly text: string;
  /** Identifies the text. */
  readonly tag: string;
  readonly problems: readonly Problem[];
}

interface FileVerdict {
  /** Perch would accept it. */
  readonly isUsable: boolean;
  readonly problems: readonly Problem[];
}

/** The configuration file as a text, for an editor. */
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

  /** All passwords, tokens and keys of the file and of the configuration in force. */
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
   * @throws PerchError badInput with the first error, conflict when the file has changed since, unavailable
   */
  async write(text: string, seen: string, user: string | undefined): Promise<void> {
    if (text.trim() === '') {
      // An empty file is one for MediaMTX, which lets every client watch.
      throw new PerchError('badInput', 'the configuration file cannot be empty');
    }
    await this.#store.look();
    await this.#store.replace((now) => {
      refuseOtherText(now, seen);
      return text;
    }, user);
  }
}
