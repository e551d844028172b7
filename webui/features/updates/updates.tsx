import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { UpdatePlan, UpdateState } from '../../../agent/features/updates/routes.ts';
import { reasonText, serverText } from '../../api-client/error-text.ts';
import { RequestError } from '../../api-client/request.ts';
import { nowMs } from '../../shell/page-state.ts';
import { BackToSystem } from '../../system/back-to-system.tsx';
import { Button } from '../../ui/controls/button.tsx';
import { MessageCard } from '../../ui/feedback/message-card.tsx';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { systemWords } from '../../words/settings/system.ts';
import { words } from '../../words/words.ts';
import {
  checkUpdate,
  fetchUpdate,
  installUpdate,
  isUnderWay,
  type LastUpdate,
  lookForUpdate,
  MAX_BYTES,
  needsBoxText,
  updateReason,
  updateState,
} from './updates-data.ts';
import { updatesWords } from './words.ts';

const POLL_MS = 2_000;
/** HTTP statuses of the box. */
const TOO_LARGE = 413;

/** An update that the box accepts, from a file or from the configured address. */
interface Chosen {
  readonly plan: Pick<UpdatePlan, 'version' | 'current'>;
  install(): Promise<unknown>;
}

/** Present version, result of the last update, and another update. */
export function UpdatesPage() {
  const t = updatesWords.value;
  const [state, isAway, load] = useUpdateState();
  return (
    <section>
      <BackToSystem title={t.title} />
      {state ? (
        <>
          <p>{t.updateVersion(state.version)}</p>
          {state.last && <Last last={state.last} isAway={isAway} />}
          <p class="dim">{state.lacking === null ? t.updateText : updateReason(state.lacking, t)}</p>
          {state.lacking === null && state.system && <p class="dim">{t.updateSystem(state.system.toUpperCase())}</p>}
          {state.lacking === null && !isUnderWay(state.last) && (
            <Choose mayLook={state.address !== null} isTaking={state.isReceiving} onBegun={load} />
          )}
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </section>
  );
}

/** The box restarts meanwhile; the last state stays. */
function useUpdateState(): readonly [UpdateState | undefined, boolean, () => void] {
  const [state, setState] = useState<UpdateState>();
  const [isAway, setAway] = useState(false);
  const [looks, setLooks] = useState(0);
  useEffect(() => {
    let isOver = false;
    const load = () =>
      updateState().then(
        (now) => {
          if (!isOver) {
            setState(now);
            setAway(false);
          }
        },
        () => !isOver && setAway(true),
      );
    void load();
    const timer = setInterval(() => void load(), POLL_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [looks]);
  return [state, isAway, () => setLooks(looks + 1)];
}

function Last({ last, isAway }: { readonly last: LastUpdate; readonly isAway: boolean }) {
  const t = updatesWords.value;
  const { state, from, to, time, why, text, percent } = last;
  if (isUnderWay(last)) {
    const doing =
      state === 'installing'
        ? percent === null
          ? t.updateInstalling(to ?? '')
          : t.updateWriting(to ?? '', percent)
        : state === 'waiting'
          ? t.updateWaiting(to ?? '')
          : t.updateGoingBack(from ?? '');
    return (
      <div role="status">
        <MessageCard icon="clock" tone="calm" title={doing} text={isAway ? t.updateAway : t.updateStay} />
      </div>
    );
  }
  const when = time === null ? '' : moment(Date.parse(time), nowMs.value, i18n());
  if (state === 'good') {
    return <MessageCard icon="ok" tone="calm" title={t.updateGood(to ?? '', when)} />;
  }
  const reason = updateReason(why, t);
  const title = state === 'gone back' ? t.updateGoneBack(from ?? '', when) : t.updateNot(when);
  return (
    <div role="status">
      <MessageCard icon="alert" tone="warn" title={title}>
        {reason !== undefined && <p>{reason}</p>}
        {(reason === undefined || needsBoxText(why)) && <p lang="en">{text}</p>}
      </MessageCard>
    </div>
  );
}

type Work = 'none' | 'reading' | 'looking' | 'sending';

interface ChooseProps {
  readonly mayLook: boolean;
  /** Just confirmed by the box. */
  readonly isTaking: boolean;
  readonly onBegun: () => void;
}

function Choose({ mayLook, isTaking, onBegun }: ChooseProps) {
  const t = updatesWords.value;
  const [work, setWork] = useState<Work>('none');
  const [chosen, setChosen] = useState<Chosen>();
  const [isNewest, setNewest] = useState(false);
  // The accepted update may be the one chosen here.
  const [isUsed, setUsed] = useState(false);
  const [failure, setFailure] = useState<ComponentChildren>('');
  const input = useRef<HTMLInputElement>(null);
  const attempt = async (now: Work, doIt: () => Promise<void>) => {
    setWork(now);
    setUsed(true);
    setNewest(false);
    setFailure('');
    try {
      await doIt();
    } catch (error) {
      setFailure(sentence(error));
    }
    setWork('none');
  };
  const choose = (file: File) =>
    attempt('reading', async () => {
      setChosen(undefined);
      if (file.size > MAX_BYTES) {
        throw new RequestError(TOO_LARGE, '');
      }
      setChosen({ plan: await checkUpdate(file), install: () => installUpdate(file) });
    });
  const lookThere = () =>
    attempt('looking', async () => {
      setChosen(undefined);
      const plan = await lookForUpdate();
      setNewest(!plan.isNewer);
      setChosen(plan.isNewer ? { plan, install: () => fetchUpdate(plan.version) } : undefined);
    });
  const install = (update: Chosen) =>
    attempt('sending', async () => {
      await update.install();
      setChosen(undefined);
      onBegun();
    });
  // A late answer must not replace another update that was chosen meanwhile.
  const isOff = (own: Work): boolean => work !== 'none' && work !== own;
  return (
    <div class="restore">
      <input
        hidden
        type="file"
        accept=".perchupdate,application/octet-stream"
        ref={input}
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          if (file) {
            void choose(file);
          }
          currentTarget.value = '';
        }}
      />
      {failure !== '' && (
        <p class="bad" role="alert">
          {failure}
        </p>
      )}
      {isTaking && !isUsed && <p role="status">{t.updateTaking}</p>}
      {isNewest && <p role="status">{t.updateNewest}</p>}
      {chosen && <p>{t.updatePlan(chosen.plan.version)}</p>}
      <div class="tools">
        {chosen && (
          <Button
            kind="main"
            isOff={isOff('sending')}
            busy={work === 'sending' && t.updateSending}
            onClick={() => void install(chosen)}
          >
            {t.updateNow}
          </Button>
        )}
        {mayLook && (
          <Button
            isOff={isOff('looking')}
            busy={work === 'looking' && systemWords.value.checkingFile}
            onClick={() => void lookThere()}
          >
            {t.updateLook}
          </Button>
        )}
        <Button
          isOff={isOff('reading')}
          busy={work === 'reading' && systemWords.value.readingFile}
          onClick={() => input.current?.click()}
        >
          {chosen ? systemWords.value.otherFile : t.updateChoose}
        </Button>
      </div>
    </div>
  );
}

function sentence(error: unknown): ComponentChildren {
  const t = updatesWords.peek();
  if (!(error instanceof RequestError) || error.status === 0) {
    return words.peek().noAnswer;
  }
  const { status, why, message } = error;
  if (why === 'notFetched') {
    return serverText((said) => `${t.updateNotFetched} ${said}`, message);
  }
  const reason = status === TOO_LARGE ? t.updateNone : updateReason(why, t);
  if (why === 'noAnswer') {
    return reason;
  }
  if (reason !== undefined) {
    return `${t.updateRefused} ${reason}`;
  }
  return why === undefined
    ? serverText((said) => `${t.updateRefused} ${said}`.trim(), message)
    : reasonText((said) => `${t.updateRefused} ${said}`, error);
}
