import { useState } from 'preact/hooks';
import type { HttpsState } from '../../../api-client/api-types.ts';
import { patchConfig } from '../../../api-client/config.ts';
import { savedText, saveErrorText } from '../../../api-client/error-text.ts';
import { RequestError } from '../../../api-client/request.ts';
import { usePolled } from '../../../api-client/use-polled.ts';
import { settingsLink } from '../../../shell/route.ts';
import { BackToSystem } from '../../../system/back-to-system.tsx';
import {
  fingerprintLines,
  isAtHttpsPort,
  isInsistedOn,
  mayTurnOff,
  stepsAddress,
} from '../../../system/https-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { QrCode } from '../../../ui/controls/qr-code.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Switch } from '../../../ui/controls/switch.tsx';
import { MessageCard } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { monthName } from '../../../words/dates.ts';
import { i18n } from '../../../words/i18n.ts';
import { secureWords } from '../../../words/settings/secure.ts';
import { words } from '../../../words/words.ts';

/** https on and off, the steps for phones and computers, the certificate, and access from outside. */
export function SecurePage() {
  const t = secureWords.value;
  const { value: https, again } = usePolled<HttpsState>('v3/https', 'steady', { news: ['config'] });
  return (
    <section>
      <BackToSystem title={t.title} />
      {https ? (
        <>
          <HttpsSwitch https={https} onChanged={again} />
          {https.port !== null && <Steps https={https} />}
          {https.certificate && <Certificate certificate={https.certificate} />}
          <Outside />
        </>
      ) : (
        <div class="skeleton block" />
      )}
    </section>
  );
}

interface HttpsSwitchProps {
  readonly https: HttpsState;
  readonly onChanged: () => void;
}

function HttpsSwitch({ https, onChanged }: HttpsSwitchProps) {
  const t = secureWords.value;
  const [isAsked, setAsked] = useState(false);
  const [work, setWork] = useState<'none' | 'on' | 'off'>('none');
  const isOn = https.address !== '';
  const isNeeded = isOn && !mayTurnOff(https);
  const isHere = https.httpPort !== null && isAtHttpsPort(https, location);
  const set = async (address: string) => {
    setAsked(false);
    setWork(address === '' ? 'off' : 'on');
    try {
      const change = { isUnsaved: false };
      await patchConfig('v3/config/global/patch', { tlsAddress: address }, undefined, change);
      toast(savedText(change, address === '' ? t.isOff : t.isOn));
    } catch (error) {
      // Turning https off may end the connection of this request before the answer.
      if (!(isHere && address === '' && error instanceof RequestError && error.status === 0)) {
        toast(saveErrorText(error));
        setWork('none');
        return;
      }
    }
    if (isHere && address === '') {
      location.replace(`http://${location.hostname}:${https.httpPort}${location.pathname}${location.hash}`);
    }
    setWork('none');
    onChanged();
  };
  return (
    <>
      <div class="card">
        <Switch
          title={t.https}
          text={work === 'on' ? t.turningOn : work === 'off' ? t.turningOff : isNeeded ? t.onlyWay : t.httpsText}
          isOn={isOn}
          isLocked={work !== 'none' || isNeeded}
          onChange={(wanted) => (wanted ? void set(https.usualAddress) : setAsked(!isAsked))}
        />
        {isOn && https.port !== null && (
          <Row
            title={t.here}
            text={location.protocol === 'https:' ? t.hereSecure : t.herePlain}
            {...(location.protocol !== 'https:' && { tone: 'warn' as const })}
            icon="lock"
            href="trust"
          />
        )}
      </div>
      {isAsked && isOn && (
        <MessageCard icon="alert" tone="warn" title={t.offAsk} text={offText(https, isHere)}>
          <div class="actions-row">
            <Button onClick={() => void set('')}>{t.turnOff}</Button>
            <Button onClick={() => setAsked(false)}>{words.value.cancel}</Button>
          </div>
        </MessageCard>
      )}
      {isOn && https.port === null && work === 'none' && (
        <MessageCard
          icon="alert"
          tone="warn"
          title={t.portTaken}
          text={t.portTakenText(/\d+$/.exec(https.address)?.[0] ?? '')}
        />
      )}
    </>
  );
}

function offText(https: HttpsState, isHere: boolean): string {
  const t = secureWords.value;
  return [t.offText, isHere && t.offMoves, isInsistedOn(https) && t.offKept].filter(Boolean).join(' ');
}

function Steps({ https }: { readonly https: HttpsState }) {
  const t = secureWords.value;
  const address = stepsAddress(https, location);
  return (
    <section class="card padded secure-steps">
      <h3>{t.stepsTitle}</h3>
      <p class="dim">{https.certificate?.isOwn ? t.stepsText : t.stepsPublic}</p>
      <QrCode text={address} label={t.qrCode} />
      <a class="break" href={address} target="_blank" rel="noopener">
        {address}
      </a>
    </section>
  );
}

function Certificate({ certificate }: { readonly certificate: NonNullable<HttpsState['certificate']> }) {
  const t = secureWords.value;
  const { isOwn, names, addresses, until, fingerprint } = certificate;
  const { language } = i18n();
  return (
    <section class="card padded secure-certificate">
      <h3>{t.certificate}</h3>
      <p>
        {isOwn ? t.madeHere : t.yours} · {t.until(monthName(Date.parse(until), language))}
      </p>
      <h4>{t.covers}</h4>
      <p class="break">{[...names, ...addresses].join(' · ')}</p>
      <h4>{t.fingerprint}</h4>
      <p class="fingerprint">{fingerprintLines(fingerprint).join('\n')}</p>
      {isOwn && <p class="dim small">{t.fingerprintText}</p>}
    </section>
  );
}

function Outside() {
  const t = secureWords.value;
  return (
    <>
      <section class="card padded secure-outside">
        <h3>{t.outside}</h3>
        <ul>
          <li>{t.outsideVpn}</li>
          <li>{t.outsideProxy}</li>
          <li>{t.outsideNever}</li>
        </ul>
        <a href="remote-access.txt" target="_blank" rel="noreferrer">
          {t.outsideMore}
        </a>
      </section>
      <div class="card">
        <Row title={t.remote} text={t.remoteRow} href={settingsLink('system', 'remote')} />
      </div>
    </>
  );
}
