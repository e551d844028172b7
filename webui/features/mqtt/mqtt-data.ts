/** Keys of the configuration in the form. */
export interface MqttConfig {
  readonly mqtt: boolean;
  readonly mqttURL: string;
  readonly mqttUser: string;
  readonly mqttFingerprint: string;
  readonly mqttPrefix: string;
  readonly mqttHomeAssistant: boolean;
  readonly mqttCommands: boolean;
}

/** The password is typed only to change it. */
export interface MqttValues extends MqttConfig {
  readonly mqttPassword: string;
}

const BROKER_URL = /^mqtts?:\/\/[^\s@/?#]+$/;

/** A host without a scheme means MQTT without TLS. */
export function brokerUrlOf(typed: string): string {
  const text = typed.trim().replace(/\/$/, '');
  return text === '' || text.includes('://') ? text : `mqtt://${text}`;
}

export const isBrokerUrl = (url: string): boolean => BROKER_URL.test(url) && URL.canParse(url);

export const valuesOf = ({
  mqtt,
  mqttURL,
  mqttUser,
  mqttFingerprint,
  mqttPrefix,
  mqttHomeAssistant,
  mqttCommands,
}: MqttConfig): MqttValues => ({
  mqtt,
  mqttURL,
  mqttUser,
  mqttPassword: '',
  mqttFingerprint,
  mqttPrefix,
  mqttHomeAssistant,
  mqttCommands,
});

/** Removing the user name removes the password. An empty password is not sent, so Undo keeps the new password. */
export function changeOf({ mqttURL, mqttPassword, ...changed }: Partial<MqttValues>): object {
  return {
    ...changed,
    ...(mqttURL !== undefined && { mqttURL: brokerUrlOf(mqttURL) }),
    ...(changed.mqttUser === '' && { mqttPassword: '' }),
    ...(mqttPassword && { mqttPassword }),
  };
}

/** Body of the connection test: the form's unsaved values. */
export const testOf = ({ mqttURL, mqttUser, mqttPassword, mqttFingerprint }: MqttValues): object => ({
  mqttURL: brokerUrlOf(mqttURL),
  mqttUser,
  mqttFingerprint,
  ...(mqttPassword !== '' && { mqttPassword }),
});
