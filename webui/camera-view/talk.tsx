import { useEffect, useRef, useState } from 'preact/hooks';
import { replaceRoute } from '../shell/navigation.ts';
import { cameraLink, route } from '../shell/route.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { cameraViewWords } from '../words/camera-view.ts';
import { onPageLeave, useHeldKeys } from './held-keys.ts';
import { mayTalk, TalkConnection, takePressed } from './talk-connection.ts';

/** Push to talk, if the camera has a loudspeaker and the user may talk. */
export function Talk({ name }: { readonly name: string }) {
  const [isOffered, setOffered] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    mayTalk(name, stop.signal).then(setOffered, () => {});
    return () => stop.abort();
  }, [name]);
  if (!isOffered) {
    return null;
  }
  // Browsers offer a microphone only over https.
  return 'mediaDevices' in navigator ? <TalkButton name={name} /> : <TalkNeedsHttps />;
}

type Phase = 'quiet' | 'opening' | 'open';

function TalkButton({ name }: { readonly name: string }) {
  const [phase, setPhase] = useState<Phase>('quiet');
  const { start, stop } = useTalkConnection(name, setPhase);
  const { holdToTalk, speakNow } = cameraViewWords.value;
  const release = () => {
    if (phase === 'opening') {
      toast(holdToTalk);
    }
    stop();
  };
  useHeldKeys(['t'], start, stop);
  useAskedTalk(name, start);
  return (
    <>
      <button
        class={`action talk ${phase}`}
        type="button"
        aria-pressed={phase !== 'quiet'}
        onPointerDown={(event) => {
          if (event.button === 0) {
            event.currentTarget.setPointerCapture(event.pointerId);
            start();
          }
        }}
        onLostPointerCapture={release}
        onContextMenu={(event) => event.preventDefault()}
        onClick={({ detail }) => {
          // The pointer has handled this click; keys and screen readers toggle.
          if (detail === 0) {
            (phase === 'quiet' ? start : stop)();
          }
        }}
      >
        <Icon name="talk" />
        <span>{phase === 'open' ? speakNow : holdToTalk}</span>
      </button>
      <span class="visually-hidden" role="status">
        {phase === 'open' ? speakNow : ''}
      </span>
    </>
  );
}

/** Starts a talk for which a button of a notification has opened this camera. */
function useAskedTalk(name: string, start: () => void): void {
  const here = route.value;
  const isAsked = here.page === 'camera' && here.camera === name && here.talk === true;
  useEffect(() => {
    if (isAsked) {
      const link = location.hash;
      replaceRoute(cameraLink(name));
      takePressed(link).then(
        (isPressed) => isPressed && start(),
        () => {},
      );
    }
  }, [isAsked]);
}

/** One connection at a time. A release before it opens cancels it. */
function useTalkConnection(name: string, onPhase: (phase: Phase) => void) {
  const connection = useRef<TalkConnection | undefined>(undefined);
  const stop = () => {
    connection.current?.close();
    connection.current = undefined;
    onPhase('quiet');
  };
  const start = async () => {
    if (connection.current) {
      return;
    }
    const own = new TalkConnection(name, () => connection.current === own && stop());
    connection.current = own;
    onPhase('opening');
    try {
      await own.open();
    } catch (error) {
      if (connection.current === own) {
        stop();
        toast(failureText(error));
      }
      return;
    }
    if (connection.current === own) {
      onPhase('open');
    }
  };
  useEffect(() => {
    // The browser's permission prompt takes the focus.
    const forget = onPageLeave(() => document.visibilityState === 'hidden' && stop());
    return () => {
      forget();
      connection.current?.close();
      connection.current = undefined;
    };
  }, [name]);
  return { start, stop };
}

function failureText(error: unknown): string {
  const { microphoneRefused, notHeard } = cameraViewWords.peek();
  const isRefused = error instanceof Error && /^Not(Allowed|Found)Error/.test(error.name);
  return isRefused ? microphoneRefused : notHeard;
}

function TalkNeedsHttps() {
  const [isOpen, setOpen] = useState(false);
  const { holdToTalk, talkNeedsHttps, httpsSteps, howHttps } = cameraViewWords.value;
  return (
    <>
      <button class="action talk" type="button" onClick={() => setOpen(true)}>
        <Icon name="talk" />
        <span>{holdToTalk}</span>
      </button>
      {isOpen && (
        <Sheet title={holdToTalk} onClosed={() => setOpen(false)}>
          <p>{talkNeedsHttps}</p>
          <p class="dim">{howHttps}</p>
          <a class="button main" href="trust" target="_blank" rel="noopener">
            {httpsSteps}
          </a>
        </Sheet>
      )}
    </>
  );
}
