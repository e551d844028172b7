import { useEffect, useState } from 'preact/hooks';
import type { NotifyList, SubscriptionItem } from '../../../agent/features/notify/routes.ts';
import { actionErrorText } from '../../api-client/error-text.ts';
import { RequestError } from '../../api-client/request.ts';
import { isOwner } from '../../api-client/session.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { Button } from '../../ui/controls/button.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { SearchedCard } from '../../ui/lists/searched-list.tsx';
import { Sheet } from '../../ui/sheet/sheet.tsx';
import { words } from '../../words/words.ts';
import { ButtonsField, Pause, Quiet, TestButton } from './notify-actions.tsx';
import { ChannelForm, Channels } from './notify-channels.tsx';
import {
  type Act,
  addressOf,
  type ChannelDraft,
  change,
  FIRST_RULE,
  type NotifyChange,
  type NotifyRule,
  OWNERS_FIRST_RULE,
  ownEndpoint,
  type PushObstacle,
  pushObstacle,
  relayOf,
  remove,
  rulesFault,
  subscribe,
  Untrusted,
  unsubscribe,
} from './notify-data.ts';
import { RulesFields } from './notify-rules.tsx';
import { notifyWords } from './words.ts';

export const NotifySheet = ({ onClosed }: { readonly onClosed: () => void }) => (
  <Sheet title={notifyWords.value.title} onClosed={onClosed}>
    <Notifications />
  </Sheet>
);

export const NotifyPage = () => (
  <section class="notifications">
    <h2 class="title wide-only">{notifyWords.value.title}</h2>
    <Notifications />
  </section>
);

/** Push notifications of this browser, the person's other devices, and the owner's channels. */
function Notifications() {
  const t = notifyWords.value;
  const { value, again } = usePolled<NotifyList>('v3/notifications', 'slow');
  const [endpoint, setEndpoint] = useState<string>();
  const [draft, setDraft] = useState<ChannelDraft>();
  const load = () => ownEndpoint().then(setEndpoint, () => setEndpoint(undefined));
  useEffect(() => void load(), []);
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
    await load();
    again();
  };
  if (!value) {
    return <div class="skeleton block" />;
  }
  const { timeZone } = value;
  if (draft) {
    return <ChannelForm key={draft.id} {...{ draft, timeZone, act }} onOpen={setDraft} />;
  }
  return (
    <>
      <ThisDevice list={value} own={own} act={act} />
      {own && <Choices key={own.id} list={value} own={own} act={act} />}
      <Others items={value.items.filter((item) => item !== own)} act={act} />
      {isOwner.value && <Channels onOpen={setDraft} />}
    </>
  );
}

interface ThisDeviceProps {
  readonly list: NotifyList;
  readonly own: SubscriptionItem | undefined;
  readonly act: Act;
}

function ThisDevice({ list, own, act }: ThisDeviceProps) {
  const t = notifyWords.value;
  const [isBusy, setBusy] = useState(false);
  const [isUntrusted, setUntrusted] = useState(false);
  const obstacle = own ? undefined : isUntrusted ? 'untrusted' : pushObstacle();
  const rules = [isOwner.value ? OWNERS_FIRST_RULE : FIRST_RULE];
  const set = async (isOn: boolean) => {
    setBusy(true);
    const id = own?.id;
    const switchOn = () =>
      subscribe(list.publicKey, rules).catch((error: unknown) => {
        if (!(error instanceof Untrusted)) {
          throw error;
        }
        setUntrusted(true);
      });
    await act(() => (isOn || !id ? switchOn() : unsubscribe(id)), isOn ? undefined : t.isOff);
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

function Obstacle({ obstacle }: { readonly obstacle: PushObstacle | 'untrusted' }) {
  const t = notifyWords.value;
  const text = {
    insecure: t.insecure,
    untrusted: t.untrusted,
    homeScreen: t.homeScreen,
    unsupported: t.unsupported,
    blocked: t.blocked,
  };
  return (
    <>
      <p>{text[obstacle]}</p>
      {(obstacle === 'insecure' || obstacle === 'untrusted') && (
        <a class="button" href="trust">
          {t.steps}
        </a>
      )}
    </>
  );
}

interface OwnProps {
  readonly list: NotifyList;
  readonly own: SubscriptionItem;
  readonly act: Act;
}

function Choices({ list: { actions, timeZone }, own, act }: OwnProps) {
  const put = (body: NotifyChange) => void act(() => change(own.id, body));
  const setRules = (rules: readonly NotifyRule[]) => {
    const fault = rulesFault(rules);
    if (fault === undefined) {
      put({ rules });
    } else {
      toast(words.peek().notSaved(fault));
    }
  };
  return (
    <>
      <RulesFields rules={own.rules} timeZone={timeZone} onRules={setRules} />
      <ButtonsField actions={actions} chosen={own.buttons} onChosen={(buttons) => put({ buttons })} />
      <Quiet items={own.quiet} onResume={(path) => put({ quiet: { path, minutes: 0 } })} />
      <Pause until={own.snoozedUntil} onSet={(snoozeMinutes) => put({ snoozeMinutes })} />
      <TestButton address={addressOf(own.id)} />
    </>
  );
}

function Others({ items, act }: { readonly items: readonly SubscriptionItem[]; readonly act: Act }) {
  const t = notifyWords.value;
  if (items.length === 0) {
    return null;
  }
  return (
    <>
      <h3>{t.others}</h3>
      <SearchedCard items={items} textOf={({ device, relay }) => `${device} ${relay}`}>
        {(item) => (
          <div class="line" key={item.id}>
            <span class="grow">
              <b>
                <bdi>{item.device}</bdi>
              </b>
              <span class="small dim">{item.relay}</span>
            </span>
            <Button
              {...{ kind: 'text', danger: true, label: t.removeNamed(item.device) }}
              onClick={() => void act(() => remove(item.id), t.removed(item.device))}
            >
              {t.remove}
            </Button>
          </div>
        )}
      </SearchedCard>
    </>
  );
}
