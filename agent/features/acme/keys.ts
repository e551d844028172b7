import Type from 'typebox';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';
import { Address, portOf } from '../../config/values/address.ts';

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

const schema = {
  acmeDomains: Type.Array(Type.String({ syntax: 'domain' }), {
    default: [],
    // Let's Encrypt allows 100 for one certificate.
    maxItems: 20,
    description: 'Host names of this server for which it gets a certificate. You accept the terms of the authority.',
  }),
  acmeEmail: Type.String({
    default: '',
    syntax: 'email',
    description: 'Your address, for messages of the authority. May be empty.',
  }),
  acmeURL: Type.String({
    default: LETS_ENCRYPT,
    maxLength: 300,
    syntax: 'askedUrl',
    description: 'Directory of the authority (RFC 8555), https://.',
  }),
  acmeAddress: Address(
    ':80',
    "Where the authority's requests to port 80 arrive, if that is not `address`. Others are redirected to https. Empty = `address` alone.",
  ),
};

/** A certificate of a public authority, by ACME (RFC 8555). */
export const ACME: FeatureKeys<typeof schema> = {
  title: 'Certificate of a public authority',
  schema,
  isRight: true,
  faults: ({ acmeURL }) =>
    acmeURL.startsWith('https://') ? [] : [{ key: 'acmeURL', message: 'must begin with https://' }],
  listeners: (settings) =>
    opensPort(settings) ? [{ key: 'acmeAddress', address: settings.acmeAddress, isOfPerch: true }] : [],
};

/** Whether the authority's requests arrive at a port of their own. */
export const opensPort = (settings: {
  readonly acmeDomains: readonly string[];
  readonly acmeAddress: string;
  readonly address: string;
}): boolean =>
  settings.acmeDomains.length > 0 &&
  settings.acmeAddress !== '' &&
  portOf(settings.acmeAddress) !== portOf(settings.address);
