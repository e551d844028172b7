import { signal } from '@preact/signals';
import { APPEARANCE_KEY, applyTheme, storedTheme } from './theme.ts';

export type Appearance = 'system' | 'dark' | 'light';
export const APPEARANCES: readonly Appearance[] = ['system', 'dark', 'light'];

/** What the person chose; it wins over the device's own. */
export const appearance = signal<Appearance>('system');

/** `app/early.ts` has shown it already. */
export function loadAppearance(): void {
  appearance.value = storedTheme() ?? 'system';
}

export function chooseAppearance(chosen: Appearance): void {
  localStorage.setItem(APPEARANCE_KEY, chosen);
  appearance.value = chosen;
  applyTheme(storedTheme());
}
