import { useState } from 'preact/hooks';
import { usePolled } from '../../../api-client/use-polled.ts';
import { cameraSelectionText } from '../../../people/access-fields.tsx';
import { pageLoginText, rightName } from '../../../people/device-text.ts';
import { DEVICE_RIGHTS, type DeviceItem, type PageLoginItem } from '../../../people/people.ts';
import { viewsLink } from '../../../people/view-text.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { Icon } from '../../../ui/icons/icon.tsx';
import { SearchedCard } from '../../../ui/lists/searched-list.tsx';
import { listed, moment } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { peopleWords } from '../../../words/settings/people.ts';
import { NewDeviceSheet } from './new-device-sheet.tsx';
import { RevokeSheet } from './revoke-sheet.tsx';

interface DevicePasswordSheetProps {
  readonly device: DeviceItem;
  readonly text: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A device password: its permissions, and revoking it. */
function DevicePasswordSheet({ device: { id, name, user }, text, ...sheet }: DevicePasswordSheetProps) {
  const { revokeDevice: action, revokeDeviceText: warning, deviceRevoked: done, deviceLogsInAs } = peopleWords.value;
  const address = `v3/devicepasswords/${encodeURIComponent(id)}`;
  return (
    <RevokeSheet {...sheet} title={name} {...{ address, action, warning, done }}>
      <p class="break">{text}</p>
      <p class="dim break">{deviceLogsInAs(user)}</p>
      <div class="rows-end">
        <Row icon="clock" title={peopleWords.value.views} href={viewsLink(user)} />
      </div>
    </RevokeSheet>
  );
}

interface Items<T> {
  readonly items: readonly T[];
}

/** Device passwords, and programs that use a page password instead. */
export function DevicePasswords() {
  const t = peopleWords.value;
  const { language } = i18n();
  const { value, again } = usePolled<Items<DeviceItem>>('v3/devicepasswords?itemsPerPage=1000', 'slow');
  const { value: logins, again: lookAgain } = usePolled<Items<PageLoginItem>>(
    'v3/pagelogins?itemsPerPage=1000',
    'slow',
  );
  const [shown, setShown] = useState<DeviceItem>();
  const [made, setMade] = useState<{ readonly login: PageLoginItem | undefined }>();
  const devices = value?.items ?? [];
  const rightsOf = (device: DeviceItem) => {
    const rights = DEVICE_RIGHTS.filter((right) => device[right]).map((right) => rightName(right));
    return `${listed(rights, language)} · ${cameraSelectionText(device.paths, language)}`;
  };
  const changed = () => {
    again();
    lookAgain();
  };
  return (
    <section class="device-passwords add-below">
      <h2>{t.devicePasswords}</h2>
      {devices.length > 0 ? (
        <SearchedCard items={devices} textOf={({ name }) => name}>
          {(device) => (
            <Row
              key={device.id}
              icon="lock"
              title={device.name}
              text={rightsOf(device)}
              onClick={() => setShown(device)}
            />
          )}
        </SearchedCard>
      ) : (
        <p class="dim">{t.devicePasswordsText}</p>
      )}
      {logins !== undefined && logins.items.length > 0 && (
        <div class="card">
          {logins.items.map((login) => (
            <Row
              key={login.id}
              icon="alert"
              title={pageLoginText(login)}
              text={t.lastAt(moment(Date.parse(login.last), nowMs.value, i18n()))}
              onClick={() => setMade({ login })}
            />
          ))}
        </div>
      )}
      <Button onClick={() => setMade({ login: undefined })}>
        <Icon name="plus" small />
        {t.newDevicePassword}
      </Button>
      {made && <NewDeviceSheet replaced={made.login} onChanged={changed} onClosed={() => setMade(undefined)} />}
      {shown && (
        <DevicePasswordSheet
          device={shown}
          text={rightsOf(shown)}
          onChanged={again}
          onClosed={() => setShown(undefined)}
        />
      )}
    </section>
  );
}
