import Type from 'typebox';
import type { ChannelFields, ChannelKind, SettingsOf } from './kind.ts';

const Mailbox = Type.String({
  pattern: '^[^\\s@<>,;:"()]{1,64}@[^\\s@<>,;:"()]{1,253}$',
  description: 'An e-mail address.',
});

const fields = {
  host: {
    schema: Type.String({ pattern: '^[\\w.:-]{1,253}$', description: 'Host name or address of the SMTP server.' }),
    label: { en: 'Server', 'zh-cn': '服务器' },
    secret: 'none',
  },
  port: {
    schema: Type.Integer({ minimum: 1, maximum: 65_535 }),
    label: { en: 'Port', 'zh-cn': '端口' },
    secret: 'none',
  },
  security: {
    schema: Type.Enum(['starttls', 'tls', 'none'], {
      description: '`none` is for servers in your own network: text and password can be read on the way.',
    }),
    label: 'TLS',
    secret: 'none',
  },
  user: {
    schema: Type.String({ maxLength: 256, description: 'User name for the login. Empty: no login.' }),
    label: { en: 'User name', 'zh-cn': '用户名' },
    secret: 'none',
  },
  password: {
    schema: Type.String({ maxLength: 512, description: 'Password of the user. Never shown.' }),
    label: { en: 'Password', 'zh-cn': '密码' },
    secret: 'all',
  },
  from: { schema: Mailbox, label: { en: 'From', 'zh-cn': '发件人' }, secret: 'none' },
  to: {
    schema: Type.Array(Mailbox, { minItems: 1, maxItems: 20 }),
    label: { en: 'To', 'zh-cn': '收件人' },
    secret: 'none',
  },
} satisfies ChannelFields;

export type EmailSettings = SettingsOf<typeof fields>;

export const email: ChannelKind<typeof fields> = {
  kind: 'email',
  fields,
  presets: [
    {
      name: 'E-mail',
      settings: { host: '', port: 587, security: 'starttls', user: '', password: '', from: '', to: [] },
    },
  ],
  server: ({ security, host, port }) => `${security} ${host.toLowerCase()}:${port}`,
  // The response of AUTH PLAIN (RFC 4616).
  secrets: ({ user, password }) => (password === '' ? [] : [`\0${user}\0${password}`]),
};
