import { batch, computed, signal } from '@preact/signals';
import type { ChangedBy } from '../api-client/config.ts';

/** The device found this field wrong; thrown by `save`. */
export class FieldError<V> extends Error {
  readonly field: keyof V;

  constructor(field: keyof V, sentence: string) {
    super(sentence);
    this.field = field;
  }
}

/** Somebody else saved another value of a field that was changed here. */
export interface Conflict<T> {
  readonly before: T;
  readonly theirs: T;
  /** If the device says so. */
  readonly by: ChangedBy | undefined;
}

/** `waiting`: for the device or for a log-in; it goes on by itself. */
type Saving = 'no' | 'busy' | 'waiting';

export interface FormOptions<V> {
  readonly initial: V;
  /** The sentence that says what is wrong with a field, if anything is. */
  readonly validate?: { readonly [K in keyof V]?: (value: V[K], all: V) => string | undefined };
  /** Done again when the device was away meanwhile: it has to be something that may be done twice. */
  readonly save: (values: V, changed: Partial<V>) => Promise<void>;
  /** Resolves when it is worth trying again; undefined: the failure is not one that passes. */
  readonly retryAfter: (failure: unknown) => Promise<void> | undefined;
}

/**
 * What a form holds: values, what is wrong with them, and what somebody else has made of them meanwhile. It lives outside
 * of components, so nothing that was typed is lost when one of them goes.
 */
export class Form<V extends object> {
  readonly values = signal<V>({} as V);
  readonly wrong = signal<{ readonly [K in keyof V]?: string }>({});
  readonly conflicts = signal<{ readonly [K in keyof V]?: Conflict<V[K]> }>({});
  readonly saving = signal<Saving>('no');
  /** Why it was not saved, when no field is to blame. */
  readonly failure = signal<unknown>(undefined);
  /** What differs from what the device has. */
  readonly changed = computed(() => this.#changed(this.values.value));
  readonly isDirty = computed(() => Object.keys(this.changed.value).length > 0);
  readonly #base = signal<V>({} as V);
  readonly #options: FormOptions<V>;

  constructor(options: FormOptions<V>) {
    this.#options = options;
    this.values.value = options.initial;
    this.#base.value = options.initial;
  }

  /** While it is typed nothing is judged; what was wrong before is looked at again. */
  set<K extends keyof V>(name: K, value: V[K]): void {
    batch(() => {
      this.values.value = { ...this.values.peek(), [name]: value };
      this.failure.value = undefined;
      if (this.wrong.peek()[name] !== undefined) {
        this.#tell(name, this.#validate(name));
      }
    });
  }

  /** The field is left: now it is judged, if anything was changed in it. */
  leave(name: keyof V): void {
    if (this.#isChanged(name)) {
      this.#tell(name, this.#validate(name));
    }
  }

  /** @returns whether it was saved; otherwise `wrong` or `failure` says why not */
  async submit(): Promise<boolean> {
    if (this.saving.peek() !== 'no' || !this.#judgeAll()) {
      return false;
    }
    this.saving.value = 'busy';
    this.failure.value = undefined;
    const values = this.values.peek();
    const changed = this.#changed(values);
    try {
      await this.#saveAtLast(values, changed);
      // What others have saved meanwhile is taken in already.
      this.#base.value = { ...this.#base.peek(), ...changed };
      this.conflicts.value = {};
      return true;
    } catch (error) {
      if (error instanceof FieldError) {
        this.#tell(error.field as keyof V, error.message);
      } else {
        this.failure.value = error;
      }
      return false;
    } finally {
      this.saving.value = 'no';
    }
  }

  /** The first field that is wrong, in the order of the form. */
  firstWrong(): keyof V | undefined {
    return this.#names().find((name) => this.wrong.peek()[name] !== undefined);
  }

  /** What the device has now. Fields that were not touched follow it; the others keep what was typed, and say so. */
  follow(theirs: V, by?: ChangedBy): void {
    const base = this.#base.peek();
    const mine = this.values.peek();
    const next = { ...mine };
    const conflicts: Partial<Record<keyof V, Conflict<unknown>>> = { ...this.conflicts.peek() };
    for (const name of this.#names()) {
      if (isSame(theirs[name], base[name])) {
        continue;
      }
      if (!this.#isChanged(name) || isSame(theirs[name], mine[name])) {
        next[name] = theirs[name];
        delete conflicts[name];
      } else {
        conflicts[name] = { before: base[name], theirs: theirs[name], by };
      }
    }
    batch(() => {
      this.#base.value = theirs;
      this.values.value = next;
      this.conflicts.value = conflicts as { readonly [K in keyof V]?: Conflict<V[K]> };
    });
  }

  takeTheirs(name: keyof V): void {
    batch(() => {
      this.values.value = { ...this.values.peek(), [name]: this.#base.peek()[name] };
      this.#tell(name, undefined);
      this.keepMine(name);
    });
  }

  keepMine(name: keyof V): void {
    const { [name]: _settled, ...others } = this.conflicts.peek();
    batch(() => {
      this.conflicts.value = others as { readonly [K in keyof V]?: Conflict<V[K]> };
      this.failure.value = undefined;
    });
  }

  async #saveAtLast(values: V, changed: Partial<V>): Promise<void> {
    for (;;) {
      try {
        await this.#options.save(values, changed);
        return;
      } catch (error) {
        const again = this.#options.retryAfter(error);
        if (!again) {
          throw error;
        }
        this.saving.value = 'waiting';
        await again;
        this.saving.value = 'busy';
      }
    }
  }

  #changed(values: V): Partial<V> {
    const base = this.#base.value;
    return Object.fromEntries(
      Object.entries(values).filter(([name, value]) => !isSame(value, base[name as keyof V])),
    ) as Partial<V>;
  }

  #judgeAll(): boolean {
    for (const name of this.#names()) {
      this.#tell(name, this.#validate(name));
    }
    return this.firstWrong() === undefined;
  }

  #validate(name: keyof V): string | undefined {
    const values = this.values.peek();
    return this.#options.validate?.[name]?.(values[name], values);
  }

  #tell(name: keyof V, sentence: string | undefined): void {
    const { [name]: _before, ...others } = this.wrong.peek();
    this.wrong.value = {
      ...others,
      ...(sentence === undefined ? {} : { [name]: sentence }),
    } as typeof this.wrong.value;
  }

  #names(): (keyof V)[] {
    return Object.keys(this.values.value) as (keyof V)[];
  }

  #isChanged(name: keyof V): boolean {
    return !isSame(this.values.value[name], this.#base.value[name]);
  }
}

/** Values of forms are texts, numbers, yes or no, and lists of them. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
