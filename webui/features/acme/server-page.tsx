import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { AcmeState } from '../../../agent/features/acme/routes.ts';
import type { HttpsState } from '../../api-client/api-types.ts';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { type ConfigForm, type FormSettings, GLOBAL } from '../../forms/config-form.ts';
import { fieldProps } from '../../forms/field-props.ts';
import { ConflictLines, PageForm } from '../../forms/page-form.tsx';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { nowMs } from '../../shell/page-state.ts';
import { featureLink, settingsLink } from '../../shell/route.ts';
import { BackToSystem } from '../../system/back-to-system.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { QrCode } from '../../ui/controls/qr-code.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import {
  addressOf,
  areNames,
  changeOf,
  failureText,
  isEmail,
  type ServerConfig,
  type ServerValues,
  valuesOf,
} from './server-data.ts';
import { acmeWords } from './words.ts';

type ServerForm = ConfigForm<ServerConfig, ServerValues>;

/** What the owner of a server on the internet does, in five steps. */
export function ServerPage() {
  const t = acmeWords.value;
  const edited = useConfigForm(GLOBAL, SERVER_FORM);
  const { value: acme, again } = usePolled<AcmeState>('v3/acme', 'fast', { news: ['config'] });
  const { value: https } = usePolled<HttpsState>('v3/https', 'steady', { news: ['config'] });
  const { value: boxes } = usePolled<{ readonly items: readonly { readonly state: string }[] }>(
    'v3/boxes/list',
    'steady',
  );
  if (!(edited && acme && https)) {
    return (
      <section>
        <BackToSystem title={t.title} />
        <div class="skeleton block" />
      </section>
    );
  }
  const connected = boxes?.items.filter(({ state }) => state === 'connected').length ?? 0;
  const address = addressOf(acme, https.port, location);
  return (
    <section class="server-steps feature-form">
      <BackToSystem title={t.title} />
      <p class="dim">{t.intro}</p>
      <Step title={t.nameTitle} text={t.nameText}>
        <Names edited={edited} />
      </Step>
      <Step title={t.certificateTitle}>
        <Certificate acme={acme} again={again} />
      </Step>
      <Step title={t.boxesTitle} text={t.boxesText}>
        {connected > 0 && <p>{t.boxesCount(connected)}</p>}
        <div class="card">
          <Row icon="network" title={t.toBoxes} href={featureLink('cameras', 'away')} />
        </div>
      </Step>
      <Step title={t.peopleTitle} text={t.peopleText}>
        <div class="card">
          <Row title={t.toPeople} href={settingsLink('people')} />
        </div>
      </Step>
      <Step title={t.phoneTitle} text={t.phoneText}>
        <QrCode text={address} label={t.qrCode} />
        <a class="break" href={address} target="_blank" rel="noopener">
          {address}
        </a>
      </Step>
    </section>
  );
}

interface StepProps {
  readonly title: string;
  readonly text?: string;
  readonly children: ComponentChildren;
}

function Step({ title, text, children }: StepProps) {
  return (
    <section>
      <h3>{title}</h3>
      {text !== undefined && <p class="dim">{text}</p>}
      {children}
    </section>
  );
}

const SERVER_FORM: FormSettings<ServerConfig, ServerValues> = {
  valuesOf,
  changeOf,
  validate: {
    names: (typed) => (areNames(typed) ? undefined : acmeWords.peek().namesWrong),
    acmeEmail: (typed) => (isEmail(typed) ? undefined : acmeWords.peek().emailWrong),
  },
};

function Names({ edited }: { readonly edited: ServerForm }) {
  const t = acmeWords.value;
  const { form } = edited;
  return (
    <PageForm edited={edited} text={t.effect}>
      <TextField label={t.names} hint={t.namesHint} autocomplete="off" {...fieldProps(form, 'names', 2_000)} />
      <TextField label={t.email} hint={t.emailHint} autocomplete="off" {...fieldProps(form, 'acmeEmail', 254)} />
      <ConflictLines form={form} format={(value) => value} />
    </PageForm>
  );
}

interface CertificateProps {
  readonly acme: AcmeState;
  readonly again: () => void;
}

function Certificate({ acme, again }: CertificateProps) {
  const t = acmeWords.value;
  const [isBusy, setBusy] = useState(false);
  const at = (time: string) => moment(Date.parse(time), nowMs.value, i18n());
  const { state, error, until, next } = acme;
  const retry = async () => {
    setBusy(true);
    await attempt(() => fetchJson('v3/acme/retry', { method: 'POST' }));
    setBusy(false);
    again();
  };
  const isFailed = error !== null && state !== 'ordering';
  const text = {
    off: t.off,
    ordering: t.ordering,
    waiting: t.waiting,
    valid: t.valid(until === null ? '' : at(until)),
  };
  return (
    <>
      <div role="status">
        {isFailed ? (
          <>
            <p class="bad">{failureText(acme, t)}</p>
            <p class="dim small break">{error}</p>
            {until !== null && <p>{t.keptUntil(at(until))}</p>}
            {next !== null && <p class="dim">{t.next(at(next))}</p>}
          </>
        ) : (
          <p class={state === 'valid' ? 'good' : 'dim'}>{text[state]}</p>
        )}
      </div>
      {isFailed && (
        <Button busy={isBusy && t.ordering} onClick={() => void retry()}>
          {t.retry}
        </Button>
      )}
    </>
  );
}
