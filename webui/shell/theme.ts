export const APPEARANCE_KEY = 'perch-appearance';

/** The theme chosen in this browser, or undefined for the system's. */
export function storedTheme(): 'dark' | 'light' | undefined {
  const chosen = localStorage.getItem(APPEARANCE_KEY);
  return chosen === 'dark' || chosen === 'light' ? chosen : undefined;
}

export function applyTheme(theme: 'dark' | 'light' | undefined): void {
  const root = document.documentElement;
  if (theme === undefined) {
    root.removeAttribute('data-theme');
  } else {
    root.setAttribute('data-theme', theme);
  }
}
