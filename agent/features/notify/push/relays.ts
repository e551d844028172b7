/** The companies that relay push messages, by the host of the endpoint. */
const RELAYS: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)googleapis\.com$/, 'Google'],
  [/(^|\.)push\.apple\.com$/, 'Apple'],
  [/(^|\.)mozilla\.com$/, 'Mozilla'],
  [/(^|\.)notify\.windows\.com$/, 'Microsoft'],
];

/** The company that relays messages to this endpoint, or the host if it is not known. */
export function relayOf(endpoint: string): string {
  const { hostname } = new URL(endpoint);
  return RELAYS.find(([host]) => host.test(hostname))?.[1] ?? hostname;
}
