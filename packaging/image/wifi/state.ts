/** What root's service says about the box's Wi-Fi; no passwords. */
export interface WifiState {
  /** Name of the box, without `.local`. */
  readonly box: string;
  /** Name of the access point. */
  readonly point: string;
  readonly country: string | undefined;
  readonly known: readonly KnownNetwork[];
  readonly failed: { readonly id: string; readonly reason: Reason } | undefined;
}

interface KnownNetwork {
  /** The name's bytes as hexadecimal digits. */
  readonly id: string;
  /** The box's last address in that network, or undefined if unknown. */
  readonly address: string | undefined;
}

const REASONS = ['wrongPassword', 'notFound', 'noAddress', 'refused'] as const;
export type Reason = (typeof REASONS)[number];

/** A network in range. */
export interface FoundNetwork {
  readonly id: string;
  readonly signalDbm: number;
  readonly kind: NetworkKind;
}

/** `other`: one that needs more than a password, or WEP. */
type NetworkKind = 'password' | 'open' | 'other';

const ID = '(?:[0-9a-f]{2}){1,32}';

export function parseState(text: string): WifiState {
  const word = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
  const [, id = '', reason = ''] = new RegExp(`^failed (${ID}) (\\w+)$`, 'm').exec(text) ?? [];
  const known = [...text.matchAll(new RegExp(`^known (${ID}) ([0-9a-f.:]*)$`, 'gm'))];
  return {
    box: word(/^box ([A-Za-z0-9-]{1,63})$/m) ?? 'perch',
    point: word(/^point (Perch-[A-Z0-9]{4})$/m) ?? 'Perch',
    country: word(/^country ([A-Z]{2})$/m),
    known: known.map(([, network = '', address]) => ({ id: network, address: address || undefined })),
    failed: isReason(reason) ? { id, reason } : undefined,
  };
}

const isReason = (text: string): text is Reason => (REASONS as readonly string[]).includes(text);

/** @param text `NAME SIGNAL FLAGS` for each access point @returns each name once, the strongest first */
export function parseFound(text: string): readonly FoundNetwork[] {
  const strongest = new Map<string, FoundNetwork>();
  for (const [, id = '', signal = '', flags = ''] of text.matchAll(
    new RegExp(`^(${ID}) (-?[0-9]{1,3}) ([\\x21-\\x7e]*)$`, 'gm'),
  )) {
    const signalDbm = Number(signal);
    // Hidden networks have a name of zeros.
    if (!/^(?:00)+$/.test(id) && signalDbm > (strongest.get(id)?.signalDbm ?? Number.NEGATIVE_INFINITY)) {
      strongest.set(id, { id, signalDbm, kind: networkKind(flags) });
    }
  }
  return [...strongest.values()].sort((a, b) => b.signalDbm - a.signalDbm).slice(0, 40);
}

/** @param flags of wpa_supplicant: `[WPA2-PSK+SAE-CCMP][ESS]` */
function networkKind(flags: string): NetworkKind {
  if (/PSK|SAE/.test(flags)) {
    return 'password';
  }
  return /WPA|RSN|OWE|WEP|EAP/.test(flags) ? 'other' : 'open';
}

/** A name may be any bytes. */
export const networkName = (id: string): string => Buffer.from(id, 'hex').toString();
