import { ChangedMeanwhile, patchConfig, readConfig, type Tagged } from '../../box/config.ts';
import { paths } from '../../box/paths.ts';
import { BoxError } from '../../box/request.ts';
import { readableName } from '../../cameras/pair.ts';
import { boxForm } from '../../forms/box-form.ts';
import type { Form } from '../../forms/form.ts';
import { toast } from '../../parts/toast.tsx';
import { camerasWords } from '../../words/cameras.ts';
import { words } from '../../words/words.ts';
import { configAddress, patchAddress } from './camera-facts.ts';
import { type CameraSettings, changeOf, type PathConfig, settingsOf } from './camera-settings.ts';

/** The settings of one camera: what others change meanwhile is taken in or told, and what was saved can be undone. */
export class CameraForm {
  readonly form: Form<CameraSettings>;
  readonly #name: string;
  #seen: Tagged<PathConfig>;
  #before: Partial<CameraSettings> = {};

  constructor(name: string, seen: Tagged<PathConfig>) {
    this.#name = name;
    this.#seen = seen;
    this.form = boxForm<CameraSettings>({
      initial: settingsOf(seen.value, readableName(name)),
      judge: { name: (text) => (text.trim() === '' ? camerasWords.peek().nameWrong : undefined) },
      save: (_values, changed) => this.#save(changed),
    });
  }

  get config(): PathConfig {
    return this.#seen.value;
  }

  /** Somebody has changed something: untouched fields follow. */
  async look(by?: string): Promise<void> {
    this.#seen = await readConfig<PathConfig>(configAddress(this.#name));
    this.form.follow(this.#now(), by);
  }

  /** Says so, with the way back. */
  tellSaved(): void {
    const before = this.#before;
    const name = this.#name;
    toast(words.peek().saved, () => {
      readConfig<PathConfig>(configAddress(name))
        .then(({ value }) => patchConfig(patchAddress(name), changeOf(before, value), undefined))
        .then(
          () => showName(name, before.name),
          () => toast(words.peek().noAnswer),
        );
    });
  }

  #now(): CameraSettings {
    return settingsOf(this.#seen.value, readableName(this.#name));
  }

  async #save(changed: Partial<CameraSettings>): Promise<void> {
    const now = this.#now();
    this.#before = Object.fromEntries(Object.keys(changed).map((key) => [key, now[key as keyof CameraSettings]]));
    try {
      await this.#write(changed);
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) {
        throw error;
      }
      await this.look(error.by);
      if (Object.keys(this.form.conflicts.peek()).length > 0) {
        throw new BoxError(409, camerasWords.peek().changed);
      }
      await this.#write(changed);
    }
    showName(this.#name, changed.name);
  }

  async #write(changed: Partial<CameraSettings>): Promise<void> {
    const { value, tag } = this.#seen;
    await patchConfig(patchAddress(this.#name), changeOf(changed, value), tag);
  }
}

/** The page shows it at once, before the box tells it. */
function showName(name: string, title: string | undefined): void {
  if (title !== undefined) {
    paths.value = paths.peek()?.map((item) => (item.name === name ? { ...item, title } : item));
  }
}
