import type { Tagged } from '../../box/config.ts';
import { paths } from '../../box/paths.ts';
import { readableName } from '../../cameras/pair.ts';
import { ConfigForm } from '../../forms/config-form.ts';
import { camerasWords } from '../../words/cameras.ts';
import { words } from '../../words/words.ts';
import { configAddress, patchAddress } from './camera-facts.ts';
import { type CameraSettings, changeOf, type PathConfig, settingsOf } from './camera-settings.ts';

export type CameraForm = ConfigForm<PathConfig, CameraSettings>;

/** The settings of one camera. */
export const cameraForm = (name: string, seen: Tagged<PathConfig>): CameraForm =>
  new ConfigForm({
    ...{ get: configAddress(name), patch: patchAddress(name), seen, changeOf },
    valuesOf: (config) => settingsOf(config, readableName(name)),
    judge: { name: (text) => (text.trim() === '' ? camerasWords.peek().nameWrong : undefined) },
  });

/** Says that they are saved, with the way back. */
export function tellCameraSaved(name: string, edited: CameraForm): void {
  showName(name, edited.form.values.peek().name);
  edited.tellSaved(words.peek().saved, (before) => showName(name, before.name));
}

/** The page shows it at once, before the box tells it. */
function showName(name: string, title: string | undefined): void {
  if (title !== undefined) {
    paths.value = paths.peek()?.map((item) => (item.name === name ? { ...item, title } : item));
  }
}
