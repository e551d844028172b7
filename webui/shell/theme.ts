export const REMEMBERED_APPEARANCE = 'perch-appearance';

/** The theme that the person chose for this browser; undefined: the device's own. */
export function rememberedTheme(): 'dark' | 'light' | undefined {
  const chosen = localStorage.getItem(REMEMBERED_APPEARANCE);
  return chosen === 'dark' || chosen === 'light' ? chosen : undefined;
}

export function showTheme(theme: 'dark' | 'light' | undefined): void {
  const root = document.documentElement;
  if (theme === undefined) {
    root.removeAttribute('data-theme');
  } else {
    root.setAttribute('data-theme', theme);
  }
}
