import { batch, computed, signal } from '@preact/signals';
import type { ChangedBy } from '../api-client/config.ts';
import type { Change } from '../api-client/request.ts';

/** Thrown by `save` for a field that the box rejects. */
export class FieldError<V> extends Error {
  readonly field: keyof V;

  constructor(field: keyof V, sentence: string) {
    super(sentence);
    this.field = field;
  }
}

/** Another value was saved for a field with changes. */
interface Conflict<T> {
  readonly before: T;
  readonly theirs: T;
  readonly by: ChangedBy | undefined;
}

/** `waiting`: for the box or a login, then continues. */
type Saving = 'no' | 'busy' | 'waiting';

export interface FormOptions<V> {
  readonly initial: V;
  /** Returns the message for an invalid value. */
  readonly validate?: { readonly [K in keyof V]?: (value: V[K], all: V) => string | undefined };
  /** Repeated after an outage, so it must be idempotent. */
  readonly save: (values: V, changed: Partial<V>, change: Change) => Promise<void>;
  /** Runs after a save, while the form is still locked. What `follow` gets from then on is newer than the saved values. */
  readonly saved?: () => Promise<void>;
  /** Resolves when a retry is worthwhile; undefined for permanent failures. */
  readonly retryAfter: (failure: unknown) => Promise<void> | undefined;
}

/** State of a form: values, messages and conflicts. It outlives components, so typed values are not lost. */
export class Form<V extends object> {
  readonly values = signal<V>({} as V);
  readonly wrong = signal<{ readonly [K in keyof V]?: string }>({});
  readonly conflicts = signal<{ readonly [K in keyof V]?: Conflict<V[K]> }>({});
  readonly saving = signal<Saving>('no');
  /** Failure that concerns no field. */
  readonly failure = signal<unknown>(undefined);
  /** The last one that was sent. */
  change: Change = { isUnsaved: false };
  /** Values that differ from the saved ones. */
  readonly changed = computed(() => this.#changed(this.values.value));
  readonly isDirty = computed(() => Object.keys(this.changed.value).length > 0);
  readonly #base = signal<V>({} as V);
  readonly #options: FormOptions<V>;

  constructor(options: FormOptions<V>) {
    this.#options = options;
    this.values.value = options.initial;
    this.#base.value = options.initial;
  }

  /** Typing only re-validates a field that was invalid. */
  set<K extends keyof V>(name: K, value: V[K]): void {
    batch(() => {
      this.values.value = { ...this.values.peek(), [name]: value };
      this.failure.value = undefined;
      if (this.wrong.peek()[name] !== undefined) {
        this.#tell(name, this.#validate(name));
      }
    });
  }

  /** Validates a changed field on blur. */
  leave(name: keyof V): void {
    if (this.#isChanged(name)) {
      this.#tell(name, this.#validate(name));
    }
  }

  /** @returns false with `wrong` or `failure` set */
  async submit(): Promise<boolean> {
    if (this.saving.peek() !== 'no' || !this.judge()) {
      return false;
    }
    this.saving.value = 'busy';
    this.failure.value = undefined;
    this.change = { isUnsaved: false };
    const values = this.values.peek();
    const changed = this.#changed(values);
    try {
      await this.#saveAtLast(values, changed);
      // Others' changes are merged already.
      this.#base.value = { ...this.#base.peek(), ...changed };
      this.conflicts.value = {};
      await this.#options.saved?.();
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

  /** Validates all fields. @returns whether all are valid */
  judge(): boolean {
    for (const name of this.#names()) {
      this.#tell(name, this.#validate(name));
    }
    return this.firstWrong() === undefined;
  }

  /** The first invalid field, in the order of the form. */
  firstWrong(): keyof V | undefined {
    return this.#names().find((name) => this.wrong.peek()[name] !== undefined);
  }

  /** Takes the saved values. Untouched fields follow; changed fields keep their value and report a conflict. */
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
        await this.#options.save(values, changed, this.change);
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

/** Values are texts, numbers, booleans and lists of them. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
