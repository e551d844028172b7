const WORDS_CHARS = 64;

/** First match wins: most browsers also contain the names of others. */
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\/|\bOpera\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bMicroMessenger\//, 'WeChat'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:(?:Headless)?Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/\bcurl\//i, 'curl'],
  [/\bVLC\//i, 'VLC'],
  [/\bHome ?Assistant\b/i, 'Home Assistant'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'Chromebook'],
  [/\bMac OS X\b|\bMacintosh\b/, 'Mac'],
  [/\bLinux\b|\bX11\b/, 'Linux'],
];

/** `Chrome, Android`: browser and system from `User-Agent`. Empty without one. */
export function describeUserAgent(userAgent: string): string {
  const find = (table: typeof PROGRAMS) => table.find(([pattern]) => pattern.test(userAgent))?.[1];
  const known = [find(PROGRAMS), find(SYSTEMS)].filter((word) => word !== undefined);
  // The header of an unknown program starts with its name.
  const own = /^[\w .-]+/.exec(userAgent)?.[0].trim() ?? '';
  return (known.length > 0 ? known.join(', ') : own).slice(0, WORDS_CHARS);
}
