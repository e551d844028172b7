import { PerchError } from '../../base/errors.ts';
import { configFileName } from '../file/file.ts';
import type { Environment } from '../load/environment.ts';
import type { ConfigStore } from '../store/store.ts';
import type { Problem } from '../yaml/problem.ts';
import { refuseOtherText } from './conflict.ts';
import { HiddenSecrets } from './hidden-secrets.ts';
import { secretsIn } from './secrets.ts';

interface FileText {
  readonly name: string;
  readonly text: string;
  /** Tag that identifies the text. */
  readonly tag: string;
  readonly problems: readonly Problem[];
}

interface FileVerdict {
  /** Whether Perch would accept the text. */
  readonly isUsable: boolean;
  readonly problems: readonly Problem[];
}

/** The configuration file as a text, for an editor. */
export class FileEdits {
  readonly #store: ConfigStore;
  readonly #env: Environment;
  readonly #hidden: HiddenSecrets;

  constructor(store: ConfigStore, env: Environment) {
    this.#store = store;
    this.#env = env;
    this.#hidden = new HiddenSecrets(store.current.keys);
  }

  /** @param hides passwords are replaced by placeholders, which `check` and `write` replace by the passwords */
  async read(hides: boolean): Promise<FileText> {
    const { text, tag } = await this.#store.refresh();
    const shown = hides ? this.#hidden.hide(text) : text;
    return { name: configFileName(this.#store.file), text: shown, tag, problems: this.#store.problems };
  }

  /** All passwords, tokens and keys of the file and of the configuration in force. */
  async secrets(): Promise<readonly string[]> {
    const { text } = await this.#store.refresh();
    return secretsIn(this.#store.current, [this.#store.textInForce, text], this.#env);
  }

  /** @throws PerchError badInput for a placeholder that cannot be replaced */
  async check(text: string): Promise<FileVerdict> {
    const now = await this.#store.refresh();
    const { config, problems } = this.#store.check(this.#hidden.restore(text, now.text));
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
    await this.#store.refresh();
    await this.#store.replace((now) => {
      refuseOtherText(now, seen);
      return this.#hidden.restore(text, now.text);
    }, user);
  }
}
