import staticFiles from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { dirname } from 'node:path';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>SK Works API</title>
<link rel="stylesheet" href="/works/docs/assets/swagger-ui.css">
<style>body { margin: 0 } .topbar { display: none }</style>
</head>
<body>
<div id="document"></div>
<script src="/works/docs/assets/swagger-ui-bundle.js"></script>
<script src="/works/docs/start.js"></script>
</body>
</html>`;

const START = `SwaggerUIBundle({ url: '/works/v1/openapi.json', dom_id: '#document', deepLinking: true, defaultModelsExpandDepth: 0, docExpansion: 'list', persistAuthorization: true });`;

/** The document for machines, and the page that shows it to people. */
export async function addDocs(app: FastifyInstance, openApi: string): Promise<void> {
  app.get('/works/v1/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(openApi));
  app.get('/works/docs', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
  app.get('/works/docs/start.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(START));
  await app.register(staticFiles, { root: dirname(require.resolve('swagger-ui-dist')), prefix: '/works/docs/assets/', index: false });
}
