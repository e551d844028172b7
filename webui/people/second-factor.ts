import type { HttpsState } from '../api-client/api-types.ts';
import { fetchJson } from '../api-client/request.ts';
import { createPasskey } from './passkeys.ts';

export interface PasskeyItem {
  readonly id: string;
  readonly name: string;
  /** The name in the addresses where browsers use it. */
  readonly host: string;
  /** RFC 3339. */
  readonly created: string;
  readonly lastUsed: string | null;
}

/** The password, and the second factor if it is on. */
export interface Proof {
  readonly password: string;
  readonly code?: string;
  readonly passkey?: object;
}

export interface AppSetup {
  readonly uri: string;
  /** For `confirmApp`. */
  readonly setup: string;
}

/** What the person is doing. */
export type FactorStep =
  | { readonly kind: 'overview' | 'app' | 'passkey' | 'renew' | 'off' }
  | { readonly kind: 'scan'; readonly setup: AppSetup }
  | { readonly kind: 'remove'; readonly passkey: PasskeyItem }
  | { readonly kind: 'recovery'; readonly codes: readonly string[] };

export interface FactorInput {
  readonly password: string;
  readonly code: string;
  readonly name: string;
}

/** Error texts by field; `passkey`: error of the browser. */
export type FactorFailure = Partial<Record<'password' | 'code' | 'passkey', string>>;

const post = <T>(path: string, body: object) => fetchJson<T>(`v3/session/${path}`, { method: 'POST', body });

interface Recovery {
  /** New recovery codes; empty: the earlier codes stay valid. */
  readonly recovery: readonly string[];
}

export const beginApp = (proof: Proof) => post<AppSetup>('factor', proof);
export const confirmApp = (code: string, { setup }: AppSetup) => post<Recovery>('factor/confirm', { code, setup });
export const renewRecovery = (proof: Proof) => post<Recovery>('factor/recovery', proof);
export const turnOff = (proof: Proof) => post('factor/remove', proof);
export const removePasskey = (proof: Proof, id: string) => post('passkeys/remove', { ...proof, id });

/** @throws RequestError, or DOMException of the browser or person */
export async function addPasskey(proof: Proof, name: string): Promise<Recovery> {
  const { options } = await post<{ options: Parameters<typeof createPasskey>[0] }>('passkeys/options', proof);
  return post<Recovery>('passkeys', { name, response: await createPasskey(options) });
}

/** URL of this page with https and a host name, where browsers use passkeys. */
export function namedAddress({ port, certificate }: HttpsState): string | undefined {
  const name = certificate?.names.find((one) => one.includes('.') && !one.startsWith('*'));
  return port === null || name === undefined ? undefined : `https://${name}${port === 443 ? '' : `:${port}`}`;
}
