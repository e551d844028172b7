import type { AcmeState } from '../../../agent/features/acme/routes.ts';
import type { AcmeWords } from './words/en.ts';

/** Keys of the configuration in the form. */
export interface ServerConfig {
  readonly acmeDomains: readonly string[];
  readonly acmeEmail: string;
}

export interface ServerValues {
  /** With commas. */
  readonly names: string;
  readonly acmeEmail: string;
}

const NAME = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+[\p{L}][\p{L}\p{N}-]*$/u;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const HTTPS_PORT = 443;

export const namesOf = (typed: string): readonly string[] =>
  typed
    .toLowerCase()
    .split(/[\s,，]+/)
    .filter((name) => name !== '');

export const areNames = (typed: string): boolean => namesOf(typed).every((name) => NAME.test(name));
export const isEmail = (typed: string): boolean => typed.trim() === '' || EMAIL.test(typed.trim());

export const valuesOf = ({ acmeDomains, acmeEmail }: ServerConfig): ServerValues => ({
  names: acmeDomains.join(', '),
  acmeEmail,
});

export const changeOf = ({ names, acmeEmail }: Partial<ServerValues>): object => ({
  ...(names !== undefined && { acmeDomains: namesOf(names) }),
  ...(acmeEmail !== undefined && { acmeEmail: acmeEmail.trim() }),
});

/** What the owner can do, or the words of the authority. */
export function failureText({ why, error }: Pick<AcmeState, 'why' | 'error'>, words: AcmeWords): string {
  const texts: Readonly<Record<string, string>> = {
    port: words.whyPort,
    name: words.whyName,
    unreachable: words.whyUnreachable,
    clock: words.whyClock,
    network: words.whyNetwork,
    limit: words.whyLimit,
  };
  return texts[why ?? ''] ?? error ?? '';
}

/** Address of this server for a phone: by its name, else as this page is opened. @param port of https; null: off */
export function addressOf(
  { names }: Pick<AcmeState, 'names'>,
  port: number | null,
  here: Pick<Location, 'href'>,
): string {
  const [name] = names;
  if (name !== undefined && port !== null) {
    return `https://${name}${port === HTTPS_PORT ? '' : `:${port}`}/`;
  }
  return here.href.split('#')[0] ?? '';
}
