import type { Tagged } from '../../../api-client/config.ts';
import { ConfigForm } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { fieldProps } from '../../../forms/field-props.ts';
import { PageForm } from '../../../forms/page-form.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { settingsLink } from '../../../shell/route.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { LowerPageHeader } from '../../../ui/controls/lower-page-header.tsx';
import { secureWords } from '../../../words/settings/secure.ts';
import {
  areHosts,
  areIpRanges,
  changeOf,
  mediaPort,
  type RemoteAccessConfig,
  type RemoteAccessValues,
  valuesOf,
} from './remote-access-data.ts';

const GET = 'v3/config/global/get';

type RemoteAccessForm = ConfigForm<RemoteAccessConfig, RemoteAccessValues>;

/** What Perch has to know of the router and the reverse proxy before it: `webrtcAdditionalHosts`, `trustedProxies`. */
export function RemoteAccessPage() {
  const t = secureWords.value;
  const edited = useConfigForm<RemoteAccessConfig, RemoteAccessValues>(GET, remoteAccessForm);
  return (
    <section class="remote-access">
      <LowerPageHeader title={t.remote} href={settingsLink('system', 'https')} above={t.title} />
      <p class="dim">{t.remoteText}</p>
      {edited ? <Fields edited={edited} /> : <div class="skeleton block" />}
    </section>
  );
}

const remoteAccessForm = (seen: Tagged<RemoteAccessConfig>): RemoteAccessForm =>
  new ConfigForm({
    get: GET,
    patch: 'v3/config/global/patch',
    seen,
    valuesOf,
    changeOf,
    validate: {
      hosts: (typed) => (areHosts(typed) ? undefined : secureWords.peek().hostsWrong),
      proxies: (typed) => (areIpRanges(typed) ? undefined : secureWords.peek().proxiesWrong),
    },
  });

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
