import { type ConfigForm, type FormSettings, GLOBAL } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { fieldProps } from '../../../forms/field-props.ts';
import { PageForm } from '../../../forms/page-form.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { settingsLink } from '../../../shell/route.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { LowerPageHeader } from '../../../ui/controls/lower-page-header.tsx';
import { secureWords } from '../../../words/settings/secure.ts';

type RemoteAccessForm = ConfigForm<RemoteAccessConfig, RemoteAccessValues>;

/** What Perch has to know of the router and the reverse proxy before it: `webrtcAdditionalHosts`, `trustedProxies`. */
export function RemoteAccessPage() {
  const t = secureWords.value;
  const edited = useConfigForm(GLOBAL, REMOTE_ACCESS_FORM);
  return (
    <section class="remote-access">
      <LowerPageHeader title={t.remote} href={settingsLink('system', 'https')} above={t.title} />
      <p class="dim">{t.remoteText}</p>
      {edited ? <Fields edited={edited} /> : <div class="skeleton block" />}
    </section>
  );
}

function Fields({ edited }: { readonly edited: RemoteAccessForm }) {
  const t = secureWords.value;
  const { form } = edited;
  const list = (name: keyof RemoteAccessValues, label: string, hint: string) => (
    <>
      <TextField label={label} hint={hint} autocomplete="off" {...fieldProps(form, name, 2_000)} />
      <ConflictLine form={form} name={name} format={(text) => text || '–'} />
    </>
  );
  return (
    <PageForm edited={edited} text={t.remoteEffect}>
      {list('proxies', t.proxies, t.proxiesHint)}
      {list('hosts', t.hosts, t.hostsHint(mediaPort(edited.config)))}
    </PageForm>
  );
}

/** Keys of the configuration that the form reads. */
interface RemoteAccessConfig {
  readonly webrtcAdditionalHosts: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly webrtcLocalUDPAddress: string;
  readonly webrtcLocalTCPAddress: string;
}

/** The lists as typed: entries separated by spaces or commas. */
interface RemoteAccessValues {
  readonly hosts: string;
  readonly proxies: string;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i;
const IPV6 = /^[\da-f]*:[\da-f]*:[\da-f:.]*$/i;
const IP_RANGE = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]*:[\da-f]*:[\da-f:.]*)(?:\/\d{1,3})?$/i;

const listOf = (typed: string): readonly string[] => typed.split(/[\s,;]+/).filter(Boolean);

/** The box shows a single address as a range of one. */
const withoutFullPrefix = (range: string): string => range.replace(range.includes(':') ? /\/128$/ : /\/32$/, '');

/** A host name or an address, without port. */
export const areHosts = (typed: string): boolean =>
  listOf(typed).every((host) => HOST_NAME.test(host) || IPV6.test(host));

export const areIpRanges = (typed: string): boolean => listOf(typed).every((range) => IP_RANGE.test(range));

export const valuesOf = ({ webrtcAdditionalHosts, trustedProxies }: RemoteAccessConfig): RemoteAccessValues => ({
  hosts: webrtcAdditionalHosts.join(' '),
  proxies: trustedProxies.map(withoutFullPrefix).join(' '),
});

export const changeOf = ({ hosts, proxies }: Partial<RemoteAccessValues>): object => ({
  ...(hosts !== undefined && { webrtcAdditionalHosts: listOf(hosts) }),
  ...(proxies !== undefined && { trustedProxies: listOf(proxies) }),
});

/** The port of WebRTC media, which the router has to forward; empty: WebRTC media are off. */
export const mediaPort = (config: RemoteAccessConfig): string =>
  (config.webrtcLocalUDPAddress || config.webrtcLocalTCPAddress).replace(/^.*:/, '');

const REMOTE_ACCESS_FORM: FormSettings<RemoteAccessConfig, RemoteAccessValues> = {
  valuesOf,
  changeOf,
  validate: {
    hosts: (typed) => (areHosts(typed) ? undefined : secureWords.peek().hostsWrong),
    proxies: (typed) => (areIpRanges(typed) ? undefined : secureWords.peek().proxiesWrong),
  },
};
