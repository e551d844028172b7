import { useMemo, useState } from 'preact/hooks';
import type { CameraItem } from '../../../api-client/api-types.ts';
import { cameraCall } from '../../../api-client/camera-addresses.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { fieldProps } from '../../../forms/field-props.ts';
import { FieldError } from '../../../forms/form.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { serverForm } from '../../../forms/server-form.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { PasswordField, TextField } from '../../../ui/controls/field.tsx';
import { UnencryptedNotice } from '../../../ui/controls/login-notes.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { reasonsWords } from '../../../words/reasons.ts';
import { sentences } from '../../../words/sentences.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { startWords } from '../../../words/start.ts';
import { words } from '../../../words/words.ts';
import { CameraActionButton } from './camera-trouble.tsx';
import { hostOf } from './data/camera-data.ts';

interface Login {
  readonly user: string;
  readonly password: string;
}

interface ConnectionProps {
  readonly item: CameraItem;
  readonly title: string;
  readonly onClosed: () => void;
  readonly onChanged: () => void;
}

/** Model and address, another login, and restart. */
export function ConnectionSheet({ item, title, onClosed, onChanged }: ConnectionProps) {
  const t = camerasWords.value;
  const form = useMemo(() => loginForm(item.path), []);
  return (
    <FormSheet
      title={t.connection}
      form={form}
      onClosed={onClosed}
      onSaved={() => {
        toast(camerasWords.peek().loginSaved(title));
        onChanged();
      }}
      text={t.loginText}
      action={t.tryLogin}
      busy={t.tryingLogin}
    >
      <Facts item={item} />
      <TextField label={t.user} autocomplete="off" hint={t.userWrong} {...fieldProps(form, 'user')} />
      <PasswordField label={t.password} autocomplete="off" {...fieldProps(form, 'password')} name="camera-password" />
      <UnencryptedNotice />
      {item.onvif && <Restart path={item.path} title={title} />}
    </FormSheet>
  );
}

function Facts({ item }: { readonly item: CameraItem }) {
  const t = camerasWords.value;
  const { manufacturer, model, firmware, serial } = item.description ?? {};
  const host = hostOf(item);
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    [t.maker, manufacturer],
    [t.model, model],
    [t.firmware, firmware],
    [t.serial, serial],
    [t.address, host],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) =>
        value ? (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ) : null,
      )}
      {item.unknownTopics.length > 0 && (
        <div>
          <dt>{t.unknownTopics}</dt>
          <dd>
            {item.unknownTopics.map(({ topic, event }) => (
              <div key={topic} class="break">
                <bdi>{t.topicAs(topic, event ?? t.topicIgnored)}</bdi>
              </div>
            ))}
          </dd>
        </div>
      )}
      {host && (
        <div>
          <dt />
          <dd>
            <a class="text" href={`http://${host}/`} target="_blank" rel="noreferrer noopener">
              {t.openItsPage}
            </a>
          </dd>
        </div>
      )}
    </dl>
  );
}

export function Restart({ path, title }: { readonly path: string; readonly title: string }) {
  const t = camerasWords.value;
  const [asks, setAsks] = useState(false);
  return asks ? (
    <div class="ask">
      <p>{t.restartText}</p>
      <CameraActionButton
        text={t.restartNow}
        busy={t.restarting}
        call={cameraCall('reboot', path)}
        body={{}}
        done={t.restarts(title)}
        onDone={() => setAsks(false)}
      />
      <Button kind="text" onClick={() => setAsks(false)}>
        {words.value.cancel}
      </Button>
    </div>
  ) : (
    <Row title={t.restart} text={t.restartText} onClick={() => setAsks(true)} />
  );
}

const loginForm = (path: string) =>
  serverForm<Login>({
    initial: { user: 'admin', password: '' },
    validate: { user: (text) => (text.trim() === '' ? camerasWords.peek().userWrong : undefined) },
    save: async ({ user, password }) => {
      const { isGood, ...refused } = await fetchJson<RejectedLogin & { isGood: boolean }>(cameraCall('login', path), {
        method: 'POST',
        body: { user: user.trim(), password },
        // The camera unlocks by itself after a while.
        limitMs: 60_000,
      });
      if (!isGood) {
        throw new FieldError<Login>('password', rejectionText(refused));
      }
    },
  });

interface RejectedLogin {
  readonly trouble: string | null;
  readonly triesLeft: number | null;
}

/** Why the login was not saved. */
function rejectionText({ trouble, triesLeft }: RejectedLogin): string {
  const t = camerasWords.peek();
  switch (trouble) {
    case 'wrongPassword':
    case 'noRights':
      return sentences([t.passwordRefused, triesLeft !== null && startWords.peek().triesLeft(triesLeft)]);
    case 'onvifUser':
      return t.needsOnvifText;
    case 'lockedOut':
      return t.lockedText;
    case 'unreachable':
    case 'timeout':
      return t.notReached;
    case 'clearPassword':
      return t.inTheClear;
    case null:
      return reasonsWords.peek().itsFault;
    default:
      return t.loginNotTried;
  }
}
