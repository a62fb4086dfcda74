// The newer front-end system.
import { createRoot } from 'react-dom/client';
import { createApp } from '@backstage/frontend-defaults';
import { PageBlueprint, createFrontendPlugin } from '@backstage/frontend-plugin-api';
import { ConfigReader } from '@backstage/config';
import { awsalb } from './awsalb';
import { configLoader } from './config';
import { Home } from './home';

const home = createFrontendPlugin({
  pluginId: 'home',
  extensions: [PageBlueprint.make({ params: { path: '/', loader: async () => <Home /> } })],
});

const app = createApp({
  advanced: { configLoader: async () => ({ config: ConfigReader.fromConfigs(await configLoader()) }) },
  features: [home, awsalb],
});

createRoot(document.getElementById('root')).render(app.createRoot());
