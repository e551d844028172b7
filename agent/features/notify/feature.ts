import { Check } from 'typebox/value';
import type { Feature } from '../contract.ts';
import { channelRoutes } from './channel-routes.ts';
import { CHANNELS_FILE, ChannelsFile } from './channels/channel-fields.ts';
import { LazyNotifications, type NotifyOptions } from './lazy-notifications.ts';
import { isPushKey, PUSH_KEY_FILE } from './push/push-key.ts';
import { notificationRoutes } from './routes.ts';

/** @param options for tests with servers of their own */
export const notifyFeature = (options: NotifyOptions = {}): Feature => ({
  name: 'notify',
  backup: [
    { name: PUSH_KEY_FILE, isWhole: (text) => isPushKey(JSON.parse(text)) },
    { name: CHANNELS_FILE, isWhole: (text) => Check(ChannelsFile, JSON.parse(text)) },
  ],
  open(host) {
    const notifications = new LazyNotifications(host, options);
    const opened = () => notifications.opened();
    return {
      routes: [
        {
          listener: 'main',
          mount: async (app, access) => notificationRoutes(app, { ...host, access, notifications: opened }),
        },
        {
          listener: 'main',
          right: 'admin',
          mount: async (app) => channelRoutes(app, opened, () => host.clock.wallMs()),
        },
      ],
      started: () => notifications.begin(),
      close: () => notifications.close(),
    };
  },
});

export const notify = notifyFeature();
