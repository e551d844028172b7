import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { OnvifState } from '../../../agent/features/onvif-device/routes.ts';
import { serverText } from '../../api-client/error-text.ts';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { settingsLink } from '../../shell/route.ts';
import { BackToSystem } from '../../system/back-to-system.tsx';
import { ConfigSwitch } from '../../system/config-switch.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { CopyRow } from '../../ui/controls/copy-row.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { systemWords } from '../../words/settings/system.ts';
import { onvifWords } from './words.ts';

/** A test listens for two seconds. */
const TEST_MS = 15_000;

/** The cameras as ONVIF devices for other recorders, with an address each. */
export function OnvifPage() {
  const t = onvifWords.value;
  const { value, again } = usePolled<OnvifState>('v3/onvif', 'steady', { news: ['config'] });
  return (
    <section class="servers">
      <BackToSystem title={peopleWords.value.deviceOnvif} />
      <p class="dim">{t.hint}</p>
      {value ? (
        <>
          <div class="card">
            <ConfigSwitch name="onvif" title={t.on} isOn={value.isOn} onChanged={again} />
            {value.isOn && (
              <ConfigSwitch name="onvifDiscovery" title={t.find} isOn={value.isDiscoverable} onChanged={again} />
            )}
          </div>
          {value.isOn && <Devices state={value} onTested={again} />}
          <div class="card">
            <Row title={systemWords.value.toDevicePasswords} href={settingsLink('people')} />
          </div>
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </section>
  );
}

function Devices({ state, onTested }: { readonly state: OnvifState; readonly onTested: () => void }) {
  const t = onvifWords.value;
  const [isBusy, setBusy] = useState(false);
  const test = async () => {
    setBusy(true);
    await attempt(async () => {
      toast(problemsOf(await fetchJson('v3/onvif/test', { method: 'POST', limitMs: TEST_MS }))[0] ?? t.good);
    });
    setBusy(false);
    onTested();
  };
  return (
    <>
      <div role="status">
        {problemsOf(state).map((problem) => (
          <p class="bad">{problem}</p>
        ))}
      </div>
      <p class="dim small">{t.recorders(state.subscriptions)}</p>
      <Button busy={isBusy && systemWords.value.testing} onClick={() => void test()}>
        {t.test}
      </Button>
      <div class="card">
        {state.urls.map(
          (url, i) =>
            url !== null && (
              <CopyRow
                key={url}
                label={state.cameras[i]?.name ?? ''}
                text={url.replace('HOST', location.hostname)}
                action={systemWords.value.copyAction}
                done={systemWords.value.addressCopied}
              />
            ),
        )}
      </div>
    </>
  );
}

/** Why recorders cannot log in, find the cameras or reach them. */
function problemsOf({ hasPassword, cameras, refused, discoveryError }: OnvifState): ComponentChildren[] {
  const t = onvifWords.value;
  const problems: ComponentChildren[] = cameras.flatMap(({ name, error }) =>
    error === null ? [] : [serverText((why) => t.noPort(name, why), error)],
  );
  if (!hasPassword) {
    problems.unshift(t.noPassword);
  }
  if (discoveryError !== null) {
    problems.push(t.unannounced);
  }
  // A rejected login may be a day old; the other problems are present ones.
  if (refused) {
    const { why, user, address } = refused;
    const reasons = {
      wrong: t.wrong,
      rights: t.rights,
      clock: t.clock,
      clear: t.clear,
      replay: t.replay,
    };
    problems.push(t.refused(user, address, reasons[why]));
  }
  return problems;
}
