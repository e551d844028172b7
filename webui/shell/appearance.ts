import { signal } from '@preact/signals';
import { APPEARANCE_KEY, applyTheme, storedTheme } from './theme.ts';

export type Appearance = 'system' | 'dark' | 'light';
export const APPEARANCES: readonly Appearance[] = ['system', 'dark', 'light'];

/** Overrides the system's theme. */
export const appearance = signal<Appearance>('system');

/** `app/early.ts` has applied it already. */
export function loadAppearance(): void {
  appearance.value = storedTheme() ?? 'system';
}

export function chooseAppearance(chosen: Appearance): void {
  localStorage.setItem(APPEARANCE_KEY, chosen);
  appearance.value = chosen;
  applyTheme(storedTheme());
}
