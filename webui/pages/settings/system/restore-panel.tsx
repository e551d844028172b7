import type { ComponentChildren, Ref } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RestorePlan } from '../../../api-client/api-types.ts';
import { actionErrorText, serverText } from '../../../api-client/error-text.ts';
import { RequestError } from '../../../api-client/request.ts';
import { noteRestart } from '../../../api-client/restart.ts';
import { boxCommands, checkSession, session, setupCode } from '../../../api-client/session.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { LIVE, route } from '../../../shell/route.ts';
import { checkBackup, MAX_BYTES, restoreBackup } from '../../../system/backup-file.ts';
import { newAddress, serverRun, waitForRestart } from '../../../system/restart-wait.ts';
import { noteRestored } from '../../../system/restore-notice.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { TextField } from '../../../ui/controls/field.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import type { SystemWords } from '../../../words/en/settings/system.ts';
import { moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { systemWords } from '../../../words/settings/system.ts';
import { startWords } from '../../../words/start.ts';
import { words } from '../../../words/words.ts';

type Work = 'none' | 'reading' | 'restoring' | 'restarting' | 'gone';

/** HTTP statuses of the box. */
const TOO_LARGE = 413;

/** The box's reason codes. */
const REASONS: Readonly<Record<string, (t: SystemWords) => string>> = {
  noBackup: (t) => t.restoreNoBackup,
  damaged: (t) => t.restoreDamaged,
  laterVersion: (t) => t.restoreLater,
};

interface Chosen {
  readonly file: File;
  readonly plan: RestorePlan;
}

/** Chooses a backup, shows what it would change, and restores it. */
export function RestorePanel({ onChosen }: { readonly onChosen?: (isChosen: boolean) => void }) {
  const t = systemWords.value;
  const [work, setWork] = useState<Work>('none');
  const [chosen, setChosen] = useState<Chosen>();
  const [failure, setFailure] = useState<ComponentChildren>('');
  const [typed, setTyped] = useState('');
  const code = setupCode.value || typed;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => onChosen?.(chosen !== undefined), [chosen]);
  const needsCode = session.value?.claimed === false && setupCode.value === '';
  const attempt = async (now: Work, doIt: () => Promise<Work>) => {
    setWork(now);
    setFailure('');
    try {
      setWork(await doIt());
    } catch (error) {
      setFailure(sentence(error, now));
      setWork('none');
    }
  };
  const choose = (file: File) =>
    attempt('reading', async () => {
      setChosen(undefined);
      if (file.size > MAX_BYTES) {
        throw new RequestError(TOO_LARGE, '');
      }
      setChosen({ file, plan: await checkBackup(file, code) });
      return 'none';
    });
  const restore = ({ file, plan }: Chosen) =>
    attempt('restoring', async () => {
      const before = await serverRun();
      const seconds = await restoreBackup(file, code);
      noteRestart(seconds);
      setWork('restarting');
      if (!(await waitForRestart(before, seconds))) {
        return 'gone';
      }
      if (route.peek().page === 'start') {
        location.hash = LIVE;
      }
      // It may still be the run before the restart.
      if ((await serverRun()) !== before) {
        noteRestored(plan.made);
      }
      // Reloads, because all known data are from before the restore.
      location.reload();
      return 'restarting';
    });
  const ask = () => {
    if (needsCode && code === '') {
      setFailure(startWords.peek().setupCodeHint(boxCommands.peek().claim));
    } else {
      input.current?.click();
    }
  };
  return (
    <div class="restore">
      {needsCode && !chosen && <SetupCode code={typed} onCode={setTyped} />}
      <FileInput element={input} onFile={(file) => void choose(file)} />
      {failure !== '' && (
        <p class="bad" role="alert">
          {failure}
        </p>
      )}
      {chosen && <Plan plan={chosen.plan} />}
      {work === 'restarting' || work === 'gone' ? (
        <RestoreProgress isGone={work === 'gone'} moved={chosen && newAddress(chosen.plan, location)} />
      ) : (
        <div class="tools">
          {chosen && (
            <Button kind="main" busy={work === 'restoring' && t.restoring} onClick={() => void restore(chosen)}>
              {t.restoreNow}
            </Button>
          )}
          <Button busy={work === 'reading' && t.readingFile} onClick={ask}>
            {chosen ? t.otherFile : t.restoreChoose}
          </Button>
        </div>
      )}
    </div>
  );
}

function SetupCode({ code, onCode }: { readonly code: string; readonly onCode: (code: string) => void }) {
  const { setupCode: label, setupCodeHint } = startWords.value;
  const hint = setupCodeHint(boxCommands.value.claim);
  const field = { label, hint, name: 'code', autocomplete: 'one-time-code' } as const;
  return <TextField {...field} value={code} onInput={onCode} />;
}

/** The button stands for the input. The same file can be chosen again. */
const FileInput = (props: { readonly element: Ref<HTMLInputElement>; readonly onFile: (file: File) => void }) => (
  <input
    hidden
    type="file"
    accept=".perchbackup,application/octet-stream"
    ref={props.element}
    onChange={({ currentTarget }) => {
      const [file] = currentTarget.files ?? [];
      if (file) {
        props.onFile(file);
      }
      currentTarget.value = '';
    }}
  />
);

function Plan({ plan }: { readonly plan: RestorePlan }) {
  const t = systemWords.value;
  const { made, host, cameras, people, links, devicePasswords, settings, problems } = plan;
  const titles = (all: typeof cameras.added) => all.map(({ path, title }) => title ?? path);
  const own = session.value?.user ?? 'owner';
  const isOther = [...people.changed, ...people.added].includes(own);
  const others = (names: readonly string[]) => names.filter((name) => name !== own);
  const lines = [
    [t.planBack, [...titles(cameras.added), ...others(people.added)]],
    [t.planGone, [...titles(cameras.removed), ...people.removed]],
    [t.planChanged, [...titles(cameras.changed), ...others(people.changed)]],
  ] as const;
  const counts = [links, devicePasswords].flatMap(({ added, removed }) => [added, removed]);
  const isSame =
    [...lines.map(([, names]) => names.length), settings.length, ...counts].every((n) => n === 0) && !isOther;
  return (
    <section class="card plan">
      <h3>{t.planMade(moment(Date.parse(made), nowMs.value, i18n()))}</h3>
      <p class="dim small">
        <bdi>{host}</bdi>
      </p>
      {lines.map(([label, names]) => names.length > 0 && <Line key={label} label={label} names={names} />)}
      {settings.length > 0 && <Line label={t.planSettings} names={settings} lang="en" />}
      {isSame && <p>{t.planSame}</p>}
      {links.added > 0 && <p>{t.planLinksBack(links.added)}</p>}
      {links.removed > 0 && <p>{t.planLinksGone(links.removed)}</p>}
      {devicePasswords.added > 0 && <p>{t.planDevicesBack(devicePasswords.added)}</p>}
      {devicePasswords.removed > 0 && <p>{t.planDevicesGone(devicePasswords.removed)}</p>}
      {problems.length > 0 && <Line label={t.planOff} names={problems} lang="en" />}
      {isOther && (
        <p>
          <b>{t.planPassword}</b>
        </p>
      )}
    </section>
  );
}

interface LineProps {
  readonly label: string;
  readonly names: readonly string[];
  readonly lang?: string;
}

const Line = ({ label, names, lang }: LineProps) => (
  <div class="plan-line">
    <span class="dim">{label}</span>
    <ul lang={lang}>
      {names.map((name) => (
        <li key={name}>
          <bdi>{name}</bdi>
        </li>
      ))}
    </ul>
  </div>
);

function sentence(error: unknown, work: Work): ComponentChildren {
  const { status, message, why } = error instanceof RequestError ? error : new RequestError(0, '');
  const t = systemWords.peek();
  if (status === 0) {
    // A check changes nothing, so it may be retried.
    return work === 'reading' ? words.peek().noAnswer : actionErrorText(error);
  }
  if (status === 401 && session.peek()?.claimed) {
    // The login covers the page.
    void checkSession();
    return '';
  }
  if (status === 401) {
    // The code of the link is wrong too: it must be typed.
    setupCode.value = '';
    return startWords.peek().setupCodeWrong;
  }
  if (status === TOO_LARGE) {
    return `${t.restoreNot} ${t.restoreTooLarge}`;
  }
  const reason = why === undefined ? undefined : REASONS[why];
  if (reason) {
    return `${t.restoreNot} ${reason(t)}`;
  }
  return status === 501 ? t.restoreAlone : serverText((why) => `${t.restoreNot} ${why}`.trim(), message);
}

interface RestoreProgressProps {
  /** The box has not returned in time. */
  readonly isGone: boolean;
  /** Address after the restore, if it differs. */
  readonly moved: string | undefined;
}

/** Waits for the box and reloads the page, or shows its new address. */
function RestoreProgress({ isGone, moved }: RestoreProgressProps) {
  const t = systemWords.value;
  return (
    <div role="status">
      <p>{isGone ? t.restoreGone : t.restoreStarts}</p>
      {moved !== undefined && (
        <p>
          {t.restoreMoved} <a href={moved}>{moved}</a>
        </p>
      )}
      {isGone && moved === undefined && <p>{t.restoreGoneText}</p>}
    </div>
  );
}

/** At the first start: restores instead of setting up. */
export const RestoreSheet = ({ onClosed }: { readonly onClosed: () => void }) => (
  <Sheet title={systemWords.value.restore} onClosed={onClosed}>
    <p class="dim">{systemWords.value.restoreText}</p>
    <RestorePanel />
  </Sheet>
);
