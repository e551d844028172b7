import { configAddress, patchAddress } from '../api-client/camera-addresses.ts';
import { type ChangedBy, PreconditionFailed, patchConfig, readConfig, type Tagged } from '../api-client/config.ts';
import { savedText, saveErrorText } from '../api-client/error-text.ts';
import { type Change, RequestError } from '../api-client/request.ts';
import { retryUntilAnswered } from '../api-client/retry.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { reasonsWords } from '../words/reasons.ts';
import type { Form, FormOptions } from './form.ts';
import { serverForm } from './server-form.ts';

/** Precondition Failed: someone else has changed the same settings. */
const CHANGED = 412;

/** Addresses of reading and patching settings. */
export interface ConfigPlace {
  readonly get: string;
  readonly patch: string;
}
export const GLOBAL: ConfigPlace = { get: 'v3/config/global/get', patch: 'v3/config/global/patch' };
export const PATH_DEFAULTS: ConfigPlace = { get: 'v3/config/pathdefaults/get', patch: 'v3/config/pathdefaults/patch' };
export const pathPlace = (name: string): ConfigPlace => ({ get: configAddress(name), patch: patchAddress(name) });

/** The values `V` of a form, and the settings `C` that they are made of. */
export interface FormSettings<C, V extends object> {
  readonly valuesOf: (config: C) => V;
  readonly changeOf: (changed: Partial<V>, config: C) => object;
  /** Runs first; an error cancels saving. */
  readonly before?: (changed: Partial<V>) => Promise<void>;
  /** Further changes after this one. */
  readonly alongOf?: (changed: Partial<V>) => readonly { readonly patch: string; readonly change: object }[];
  readonly validate?: NonNullable<FormOptions<V>['validate']>;
}

interface ConfigFormOptions<C, V extends object> extends ConfigPlace, FormSettings<C, V> {
  readonly seen: Tagged<C>;
}

/**
 * Form for settings of the configuration. Changes of others are merged or reported, never overwritten. Saving can be
 * undone.
 */
export class ConfigForm<C, V extends object> {
  readonly form: Form<V>;
  readonly #options: ConfigFormOptions<C, V>;
  #seen: Tagged<C>;
  /** Reads are numbered by their start: an older response does not replace newer values. */
  #begun = 0;
  #newest = 0;
  /** Values before the last save, and the tag after it. */
  #before: Partial<V> = {};
  #savedTag: string | undefined;

  constructor(options: ConfigFormOptions<C, V>) {
    this.#options = options;
    this.#seen = options.seen;
    this.form = serverForm<V>({
      initial: this.#now(),
      ...(options.validate && { validate: options.validate }),
      save: (_values, changed, change) => this.#save(changed, change),
      // The box may write a value in another form. A read that fails, because the port of the page restarts, is repeated.
      saved: () => this.refresh().catch(() => this.#refreshLater()),
    });
  }

  get config(): C {
    return this.#seen.value;
  }

  /** Reads the settings again. Untouched fields take the values that others have saved. */
  async refresh(by?: ChangedBy): Promise<void> {
    this.#begun += 1;
    const number = this.#begun;
    const seen = await readConfig<C>(this.#options.get);
    if (number > this.#newest) {
      this.#newest = number;
      this.#seen = seen;
      this.form.follow(this.#now(), by);
    }
  }

  /** Toast with Undo. @param text what was saved, or undefined to leave out its name */
  toastSaved(text?: string, onUndone?: (before: Partial<V>) => void): void {
    const [before, tag] = [this.#before, this.#savedTag];
    toast(savedText(this.form.change, text), () => {
      this.#undo(before, tag).then(
        () => onUndone?.(before),
        (error: unknown) => toast(saveErrorText(error)),
      );
    });
  }

  async #undo(before: Partial<V>, tag: string | undefined): Promise<void> {
    const { value } = await readConfig<C>(this.#options.get);
    try {
      await this.#patch(before, value, tag);
    } catch (error) {
      throw error instanceof PreconditionFailed
        ? new RequestError(error.status, reasonsWords.peek().changedMeanwhile)
        : error;
    } finally {
      // The change may have been saved although its response was lost.
      await this.refresh().catch(() => {});
    }
  }

  async #patch(changed: Partial<V>, config: C, tag: string | undefined, change?: Change): Promise<string | undefined> {
    const { patch, changeOf, alongOf } = this.#options;
    let written = await patchConfig(patch, changeOf(changed, config), tag, change);
    for (const along of alongOf?.(changed) ?? []) {
      written = await patchConfig(along.patch, along.change, undefined, change);
    }
    this.#newest = this.#begun;
    return written;
  }

  #now(): V {
    return this.#options.valuesOf(this.#seen.value);
  }

  async #save(changed: Partial<V>, change: Change): Promise<void> {
    this.#refuseUndecided();
    await this.#options.before?.(changed);
    const now = this.#now();
    this.#before = Object.fromEntries(Object.keys(changed).map((key) => [key, now[key as keyof V]])) as Partial<V>;
    try {
      await this.#write(changed, change);
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) {
        throw error;
      }
      await this.refresh(error.by);
      this.#refuseUndecided();
      await this.#write(changed, change);
    }
  }

  /** @throws RequestError while the user has not decided about conflicting changes */
  #refuseUndecided(): void {
    if (Object.keys(this.form.conflicts.peek()).length > 0) {
      throw new RequestError(CHANGED, reasonsWords.peek().changedMeanwhile);
    }
  }

  #refreshLater(): void {
    retryUntilAnswered(() => this.refresh(), new AbortController().signal).catch(() => {});
  }

  async #write(changed: Partial<V>, change: Change): Promise<void> {
    const { value, tag } = this.#seen;
    this.#savedTag = await this.#patch(changed, value, tag, change);
  }
}
