import Type from 'typebox';
import { Address } from '../../values/address.ts';
import { Switch } from '../common/fields.ts';
import { type Fault, inverted, type SourceKeys } from '../common/key-rules.ts';
import type { ServerKeys } from '../common/server-keys.ts';

const schema = {
  srt: Switch(true, "Open the SRT server. Default in Perch's own setup: no."),
  srtAddress: Address(':8890', 'UDP port of SRT.'),
};

export const SRT: ServerKeys<typeof schema> = {
  schema,
  // Only TCP ports are compared.
  listeners: () => [],
  faults: () => [],
  ownDefaults: () => ({ srt: false }),
  inert: [],
  renamed: { srtDisable: { to: 'srt', convert: inverted } },
};

const Passphrase = (who: string) =>
  Type.String({
    default: '',
    maxLength: 79,
    secret: true,
    isLive: true,
    description: `Passphrase of 10 to 79 characters for SRT ${who} (AES). Empty = without encryption.`,
  });

const SRT_PATH_KEYS = {
  srtReadPassphrase: Passphrase('readers'),
  srtPublishPassphrase: Passphrase('publishers'),
};

const MIN_PASSPHRASE = 10;

/** Checks the length of a path's passphrases. */
function passphraseFaults(settings: Readonly<Record<keyof typeof SRT_PATH_KEYS, string>>): readonly Fault[] {
  return (['srtReadPassphrase', 'srtPublishPassphrase'] as const)
    .filter((key) => settings[key] !== '' && Buffer.byteLength(settings[key]) < MIN_PASSPHRASE)
    .map((key) => ({ key, message: `is shorter than ${MIN_PASSPHRASE} characters` }));
}

/** With the path's keys of the SRT server: a path's keys are those of sources. */
export const SRT_SOURCE: SourceKeys<typeof SRT_PATH_KEYS> = {
  schemes: ['srt'],
  example: 'srt://192.168.1.20:8890?streamid=stream',
  schema: SRT_PATH_KEYS,
  faults: passphraseFaults,
  inert: [],
  renamed: {},
};
