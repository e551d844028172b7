import { signal } from '@preact/signals';

export type Appearance = 'system' | 'dark' | 'light';
export const APPEARANCES: readonly Appearance[] = ['system', 'dark', 'light'];

const REMEMBERED = 'perch-appearance';

/** What the person chose; it wins over the device's own. */
export const appearance = signal<Appearance>('system');

export function loadAppearance(): void {
  const chosen = localStorage.getItem(REMEMBERED);
  show(APPEARANCES.find((one) => one === chosen) ?? 'system');
}

export function chooseAppearance(chosen: Appearance): void {
  localStorage.setItem(REMEMBERED, chosen);
  show(chosen);
}

function show(chosen: Appearance): void {
  appearance.value = chosen;
  const { dataset } = document.documentElement;
  if (chosen === 'system') {
    delete dataset['theme'];
  } else {
    dataset['theme'] = chosen;
  }
}
