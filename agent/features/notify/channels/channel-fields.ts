import Type, { type Static, type TSchema } from 'typebox';
import { LANGUAGES } from '../rules/notice.ts';
import { Rules } from '../rules/rules.ts';
import type { ChannelSettings } from './kinds/kind.ts';
import { CHANNEL_KINDS } from './kinds/kinds.ts';

export const CHANNELS_FILE = 'notify-channels.json';
export const MAX_CHANNELS = 10;
const NO_MORE = { additionalProperties: false };

/** Schema of the settings, by kind. */
export const SETTINGS: Readonly<Record<string, TSchema>> = Object.fromEntries(
  CHANNEL_KINDS.map(({ kind, fields }) => [
    kind,
    Type.Object(
      {
        kind: Type.Literal(kind),
        ...Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema])),
      },
      NO_MORE,
    ),
  ]),
);
export const SettingsSchema = Type.Unsafe<ChannelSettings>(Type.Union(Object.values(SETTINGS)));

export const CHANNEL_FIELDS = {
  name: Type.String({ minLength: 1, maxLength: 64 }),
  language: Type.Enum([...LANGUAGES]),
  page: Type.String({
    maxLength: 512,
    pattern: '^https?://[^\\s#?]+/$',
    description: 'Address of the page that links lead to, with a slash at its end.',
  }),
  rules: Rules,
};
const NewFields = Type.Object({ ...CHANNEL_FIELDS, settings: SettingsSchema });
const Stored = Type.Object({
  ...CHANNEL_FIELDS,
  settings: SettingsSchema,
  id: Type.String({ maxLength: 64 }),
  snoozedUntil: Type.Number(),
});
export type StoredChannel = Static<typeof Stored>;
export const ChannelsFile = Type.Object({ channels: Type.Array(Stored, { maxItems: MAX_CHANNELS }) });
export type NewChannel = Static<typeof NewFields>;
export type ChannelChange = Partial<NewChannel> & { readonly snoozedUntil?: number };

/** A channel as the API shows it, with masked secrets. */
export interface ShownChannel extends NewChannel {
  readonly id: string;
  /** End of the snooze, in Unix milliseconds; 0: not snoozed. */
  readonly snoozedUntil: number;
  /** Why the last message was not sent. */
  readonly problem: string | undefined;
  /** Messages that wait for another attempt. */
  readonly waiting: number;
}
