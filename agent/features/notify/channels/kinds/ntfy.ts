import Type from 'typebox';
import { type ChannelFields, type ChannelKind, originOf, type SettingsOf, Url } from './kind.ts';

const fields = {
  // The topic is like a password.
  url: { schema: Url, label: 'URL', secret: 'afterHost' },
  token: {
    schema: Type.String({
      maxLength: 512,
      pattern: '^[!-~]*$',
      description: 'An access token, `tk_…`, or `user:password`; empty: none. Never shown.',
    }),
    label: 'Token',
    secret: 'all',
  },
} satisfies ChannelFields;

export type NtfySettings = SettingsOf<typeof fields>;

export const ntfy: ChannelKind<typeof fields> = {
  kind: 'ntfy',
  fields,
  presets: [{ name: 'ntfy', settings: { url: 'https://ntfy.sh/', token: '' } }],
  server: ({ url }) => originOf(url),
};
