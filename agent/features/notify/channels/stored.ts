import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { CHANNEL_FIELDS, ChannelSettings, MAX_CHANNELS } from './channel-fields.ts';

const Stored = Type.Object({
  ...CHANNEL_FIELDS,
  settings: ChannelSettings,
  id: Type.String({ maxLength: 64 }),
  snoozedUntil: Type.Number(),
});
export type StoredChannel = Static<typeof Stored>;
export const ChannelsFile = Type.Object({ channels: Type.Array(Stored, { maxItems: MAX_CHANNELS }) });

/** Channels stored in `notify-channels.json`; undefined if the file is damaged. */
export const readChannels = (stored: unknown): readonly StoredChannel[] | undefined =>
  Check(ChannelsFile, stored) ? stored.channels : undefined;
