// The app-config: front end and back end are at the one address behind the load balancer, whatever it is.
export const configLoader = async () => [
  { context: 'peer', data: { app: { title: 'Peer', baseUrl: location.origin }, backend: { baseUrl: location.origin } } },
];
