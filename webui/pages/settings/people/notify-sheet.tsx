import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import { actionErrorText } from '../../../api-client/error-text.ts';
import { RequestError } from '../../../api-client/request.ts';
import { isOwner } from '../../../api-client/session.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { CamerasField, ChipsField } from '../../../people/access-fields.tsx';
import { toggled } from '../../../people/people.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { clipWords } from '../../../words/clips.ts';
import { moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { notifyWords } from '../../../words/notify.ts';
import {
  change,
  FIRST_RULE,
  KINDS,
  minutesUntilTomorrow,
  NIGHT,
  type NotifiedBrowser,
  type NotifyChange,
  type NotifyList,
  type NotifyRule,
  ownEndpoint,
  type PushObstacle,
  pushObstacle,
  relayOf,
  remove,
  ruleOf,
  sendTest,
  subscribe,
  unsubscribe,
} from './notify-data.ts';

const LOOK_MS = 30_000;

/** Push notifications of this browser, and a list of the person's others. */
export function NotifySheet({ onClosed }: { readonly onClosed: () => void }) {
  const t = notifyWords.value;
  const { value, again } = usePolled<NotifyList>('v3/notifications', { everyMs: LOOK_MS });
  const [endpoint, setEndpoint] = useState<string>();
  const look = () => ownEndpoint().then(setEndpoint, () => setEndpoint(undefined));
  useEffect(() => void look(), []);
  const own = value?.items.find((item) => item.endpoint === endpoint);
  const act = async (work: () => Promise<unknown>, done?: string) => {
    try {
      await work();
      if (done) {
        toast(done);
      }
    } catch (error) {
      toast(error instanceof RequestError ? actionErrorText(error) : t.failed);
    }
    await look();
    again();
  };
  return (
    <Sheet title={t.title} onClosed={onClosed}>
      {value ? (
        <>
          <ThisDevice list={value} own={own} act={act} />
          {own && <Choices key={own.id} own={own} act={act} />}
          <Others items={value.items.filter((item) => item !== own)} act={act} />
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </Sheet>
  );
}

type Act = (work: () => Promise<unknown>, done?: string) => Promise<void>;

interface ThisDeviceProps {
  readonly list: NotifyList;
  readonly own: NotifiedBrowser | undefined;
  readonly act: Act;
}

function ThisDevice({ list, own, act }: ThisDeviceProps) {
  const t = notifyWords.value;
  const [isBusy, setBusy] = useState(false);
  const obstacle = own ? undefined : pushObstacle();
  const { language } = i18n();
  const rules = [isOwner.value ? { ...FIRST_RULE, kinds: [...FIRST_RULE.kinds, 'disk'] } : FIRST_RULE];
  const set = async (isOn: boolean) => {
    setBusy(true);
    const id = own?.id;
    await act(
      () => (isOn || !id ? subscribe(list.publicKey, rules, language) : unsubscribe(id)),
      isOn ? undefined : t.isOff,
    );
    setBusy(false);
  };
  if (obstacle) {
    return <Obstacle obstacle={obstacle} />;
  }
  const company = own?.relay ?? relayOf(navigator.userAgent) ?? t.aMaker;
  return (
    <>
      <div class="card">
        <Switch
          title={t.thisDevice}
          {...(own && { text: t.isOn })}
          isOn={own !== undefined}
          isLocked={isBusy}
          onChange={(isOn) => void set(isOn)}
        />
      </div>
      <p class="dim small">{t.relayed(company)}</p>
    </>
  );
}

function Obstacle({ obstacle }: { readonly obstacle: PushObstacle }) {
  const t = notifyWords.value;
  const text = { insecure: t.insecure, homeScreen: t.homeScreen, unsupported: t.unsupported, blocked: t.blocked };
  return (
    <>
      <p>{text[obstacle]}</p>
      {obstacle === 'insecure' && (
        <a class="button" href="trust">
          {t.steps}
        </a>
      )}
    </>
  );
}

interface OwnProps {
  readonly own: NotifiedBrowser;
  readonly act: Act;
}

function Choices({ own, act }: OwnProps) {
  const t = notifyWords.value;
  const [rule, setRule] = useState(ruleOf(own));
  const put = (body: NotifyChange) => void act(() => change(own.id, body));
  const set = (changed: NotifyRule) => {
    setRule(changed);
    if (changed.kinds.length > 0 && changed.cameras.length > 0) {
      put({ rules: [changed, ...own.rules.slice(1)] });
    }
  };
  const { hours, ...always } = rule;
  const kinds = KINDS.filter((kind) => kind !== 'disk' || isOwner.value);
  return (
    <>
      <ChipsField
        label={t.kinds}
        options={kinds.map((value) => ({ value, text: kindText(value) }))}
        chosen={kinds.filter((kind) => rule.kinds.includes(kind))}
        onTap={(kind) => set({ ...rule, kinds: toggled(rule.kinds, kind) as readonly string[] })}
        wrong={rule.kinds.length === 0 ? t.none : undefined}
      />
      <CamerasField
        label={t.cameras}
        chosen={rule.cameras}
        onChosen={(cameras) => set({ ...rule, cameras })}
        wrong={undefined}
      />
      <Switch
        title={t.hours}
        text={t.hoursText}
        isOn={hours !== undefined}
        onChange={(isOn) => set(isOn ? { ...always, hours: NIGHT } : always)}
      />
      {hours && (
        <div class="actions-row">
          <TimeField label={t.from} value={hours.from} onSet={(from) => set({ ...rule, hours: { ...hours, from } })} />
          <TimeField label={t.to} value={hours.to} onSet={(to) => set({ ...rule, hours: { ...hours, to } })} />
        </div>
      )}
      <Pause own={own} onSet={(snoozeMinutes) => put({ snoozeMinutes })} />
      <TestButton own={own} />
    </>
  );
}

function kindText(kind: (typeof KINDS)[number]): string {
  const { seenPerson, seenVehicle, seenAnimal, seenPackage, seenDoorbell, ...t } = clipWords.value;
  const { offline, disk } = notifyWords.value;
  const texts: Readonly<Record<string, string>> = {
    person: seenPerson,
    vehicle: seenVehicle,
    animal: seenAnimal,
    package: seenPackage,
    doorbell: seenDoorbell,
    motion: t.seenMotion,
    sound: t.seenSound,
    tamper: t.seenTamper,
    input: t.seenInput,
    offline,
    disk,
  };
  return texts[kind] ?? kind;
}

interface TimeFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onSet: (value: string) => void;
}

function TimeField({ label, value, onSet }: TimeFieldProps) {
  const id = useId();
  return (
    <div class="field grow">
      <label for={id}>{label}</label>
      <div class="input">
        <input
          id={id}
          type="time"
          value={value}
          onChange={({ currentTarget }) => currentTarget.value && onSet(currentTarget.value)}
        />
      </div>
    </div>
  );
}

function Pause({ own, onSet }: { readonly own: NotifiedBrowser; readonly onSet: (minutes: number) => void }) {
  const t = notifyWords.value;
  const until = own.snoozedUntil === null ? undefined : Date.parse(own.snoozedUntil);
  return until !== undefined && until > nowMs.value ? (
    <div class="actions-row">
      <span class="grow">{t.paused(moment(until, nowMs.value, i18n()))}</span>
      <Button onClick={() => onSet(0)}>{t.resume}</Button>
    </div>
  ) : (
    <div class="actions-row">
      <Button onClick={() => onSet(60)}>{t.hour}</Button>
      <Button onClick={() => onSet(minutesUntilTomorrow(new Date()))}>{t.tomorrow}</Button>
    </div>
  );
}

function TestButton({ own }: { readonly own: NotifiedBrowser }) {
  const t = notifyWords.value;
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<ComponentChildren>();
  const tryIt = async () => {
    setBusy(true);
    try {
      const problem = await sendTest(own.id);
      setResult(problem === undefined ? t.testSent : t.testFailed(problem));
    } catch (error) {
      setResult(actionErrorText(error));
    }
    setBusy(false);
  };
  return (
    <>
      <Button busy={isBusy && t.testing} onClick={() => void tryIt()}>
        {t.test}
      </Button>
      <p class="dim small" role="status">
        {result}
      </p>
    </>
  );
}

function Others({ items, act }: { readonly items: readonly NotifiedBrowser[]; readonly act: Act }) {
  const t = notifyWords.value;
  if (items.length === 0) {
    return null;
  }
  return (
    <>
      <h3>{t.others}</h3>
      <div class="card">
        {items.map((item) => (
          <div class="line" key={item.id}>
            <span class="grow">
              <b>
                <bdi>{item.device}</bdi>
              </b>
              <span class="small dim">{item.relay}</span>
            </span>
            <button
              class="text"
              type="button"
              aria-label={t.removeNamed(item.device)}
              onClick={() => void act(() => remove(item.id))}
            >
              {t.remove}
            </button>
          </div>
        ))}
      </div>
    </>
  );
}
