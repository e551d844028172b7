import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { OnvifState } from '../../api-client/api-types.ts';
import { serverText } from '../../api-client/error-text.ts';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { settingsLink } from '../../shell/route.ts';
import { BackToSystem } from '../../system/back-to-system.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { CopyRow } from '../../ui/controls/copy-row.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { systemWords } from '../../words/settings/system.ts';
import { ConfigSwitch } from '../../pages/settings/system/parts/config-switch.tsx';

/** A test listens for two seconds. */
const TEST_MS = 15_000;

/** The cameras as ONVIF devices for other recorders, with an address each. */
export function OnvifPage() {
  const t = systemWords.value;
  const { value, again } = usePolled<OnvifState>('v3/onvif', 'fast', { news: ['config'] });
  return (
    <section class="servers">
      <BackToSystem title={peopleWords.value.deviceOnvif} />
      <p class="dim">{t.onvifHint}</p>
      {value ? (
        <>
          <div class="card">
            <ConfigSwitch name="onvif" title={t.onvifOn} isOn={value.isOn} onChanged={again} />
            {value.isOn && (
              <ConfigSwitch name="onvifDiscovery" title={t.onvifFind} isOn={value.isDiscoverable} onChanged={again} />
            )}
          </div>
          {value.isOn && <Devices state={value} onTested={again} />}
          <div class="card">
            <Row title={t.toDevicePasswords} href={settingsLink('people')} />
          </div>
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </section>
  );
}

function Devices({ state, onTested }: { readonly state: OnvifState; readonly onTested: () => void }) {
  const t = systemWords.value;
  const [isBusy, setBusy] = useState(false);
  const test = async () => {
    setBusy(true);
    await attempt(async () => {
      toast(problemsOf(await fetchJson('v3/onvif/test', { method: 'POST', limitMs: TEST_MS }))[0] ?? t.onvifGood);
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
      <p class="dim small">{t.onvifRecorders(state.subscriptions)}</p>
      <Button busy={isBusy && systemWords.value.testing} onClick={() => void test()}>
        {t.onvifTest}
      </Button>
      <div class="card">
        {state.urls.map(
          (url, i) =>
            url !== null && (
              <CopyRow
                key={url}
                label={state.cameras[i]?.name ?? ''}
                text={url.replace('HOST', location.hostname)}
                action={t.copyAction}
                done={t.addressCopied}
              />
            ),
        )}
      </div>
    </>
  );
}

/** Why recorders cannot log in, find the cameras or reach them. */
function problemsOf({ hasPassword, cameras, refused, discoveryError }: OnvifState): ComponentChildren[] {
  const t = systemWords.value;
  const problems: ComponentChildren[] = cameras.flatMap(({ name, error }) =>
    error === null ? [] : [serverText((why) => t.onvifNoPort(name, why), error)],
  );
  if (!hasPassword) {
    problems.unshift(t.onvifNoPassword);
  }
  if (discoveryError !== null) {
    problems.push(t.onvifUnannounced);
  }
  // A rejected login may be a day old; the other problems are present ones.
  if (refused) {
    const { why, user, address } = refused;
    const reasons = {
      wrong: t.onvifWrong,
      rights: t.onvifRights,
      clock: t.onvifClock,
      clear: t.onvifClear,
      replay: t.onvifReplay,
    };
    problems.push(t.onvifRefused(user, address, reasons[why]));
  }
  return problems;
}
