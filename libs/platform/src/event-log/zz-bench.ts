import { startBroker } from '/work/main/deploy/kafka/broker.mjs';
import { mkdtempSync } from 'node:fs';
import { EmbeddedServer, ensureGroupRoles, migrate } from '../postgres';
import { Client } from 'pg';
import { openEventLog } from './open-event-log';
const sleep=(ms:number)=>new Promise(r=>setTimeout(r,ms));
(async()=>{
 for (const kind of (process.argv[3]??'embedded,kafka').split(',')) {
  let stop:()=>Promise<void>, config:any, admin:Client|null=null, hurt:any=async()=>{};
  if(kind==='embedded'){ const dir=mkdtempSync('/tmp/bpg-'); const s=await EmbeddedServer.start({directory:dir}); admin=new Client({connectionString:s.url}); await admin.connect(); await ensureGroupRoles(admin); await admin.query("create role spec_app login password 'spec' in role works_service"); await migrate({url:s.url,directory:'/work/main/prisma/log/migrations'}); config={eventLog:'embedded',logDatabaseUrl:s.urlOf('postgres','spec_app','spec')}; stop=()=>s.stop(); admin.on('error',()=>{}); hurt=()=>s.stop();
  } else { const b=await startBroker({directory:'/tmp/b-kafka'}); config={eventLog:'kafka',kafkaBrokers:b.brokers}; stop=()=>b.stop(); hurt=()=>b.kill(); }
  const pub=await openEventLog({...config,clientId:'pub'}); const con=await openEventLog({...config,clientId:'con'});
  const topics=Array.from({length:+(process.env.TOPICS??19)},(_,i)=>`t${Date.now()}.${i}`);
  await pub.ensureTopics(topics);
  let lat:number[]=[]; let got=0;
  const subs=[] as any[];
  for(const g of (process.env.GROUPS_??"a,b,c").split(",")) subs.push(await con.subscribe({group:g+topics[0],topics,isOutage:()=>false,batchMax:500,handle:async ms=>{ if(g==='a'){const t=performance.now(); for(const m of ms) lat.push(t-Number(m.headers['t'])); got+=ms.length;} }}));
  await sleep(4000);
  const q=(p:number)=>{const s=[...lat].sort((a,b)=>a-b); return s[Math.floor(s.length*p)]?.toFixed(2)};
  // idle
  let c0=process.cpuUsage(); const st0=admin?(await admin.query("select xact_commit n from pg_stat_database where datname='postgres'")).rows[0].n:0; await sleep(10000); let c=process.cpuUsage(c0); const st1=admin?(await admin.query("select xact_commit n from pg_stat_database where datname='postgres'")).rows[0].n:0;
  console.log(kind,'idle cpu ms/s (3 groups)',((c.user+c.system)/1000/10).toFixed(2),'xacts/s',(st1-st0)/10);
  // low load: 50/s
  let pl:number[]=[]; lat=[]; for(let i=0;i<300;i++){ const t=performance.now(); await pub.publish([{topic:topics[i%topics.length]!,key:'k'+i,value:'x'.repeat(600),headers:{t:String(t),ce_id:'evt_x',ce_type:'x',ce_source:'/works/tasks'}}]); pl.push(performance.now()-t); await sleep(18);} await sleep(500);
  console.log(kind,'50/s publish→handle p50',q(.5),'p95',q(.95),'p99',q(.99)); { const s=pl.sort((a,b)=>a-b); console.log(kind,'  publish alone p50',s[150]!.toFixed(2),'p95',s[285]!.toFixed(2)); }
  // caughtUp cost
  let t=performance.now(); for(let i=0;i<20;i++) await subs[0].caughtUp(); console.log(kind,'caughtUp ms',((performance.now()-t)/20).toFixed(2));
  // throughput
  lat=[];got=0; const N=60000; t=performance.now(); c0=process.cpuUsage(); for(let i=0;i<N;i+=500){ const now=String(performance.now()); await pub.publish(Array.from({length:500},(_,j)=>({topic:topics[(i+j)%topics.length]!,key:'k'+(j%97),value:'x'.repeat(600),headers:{t:now,ce_id:'evt_x',ce_type:'x',ce_source:'/works/tasks'}})));} const tp=performance.now()-t; while(got<N) await sleep(5); const te=performance.now()-t; c=process.cpuUsage(c0);
  console.log(kind,'publish/s',(N/tp*1000).toFixed(0),'consumed by 3 groups /s',(N/te*1000).toFixed(0),'lat p95',q(.95),'node cpu us/msg',((c.user+c.system)/N).toFixed(1));
  t=performance.now(); for(const s of subs) console.log(kind,'lag',await s.lag());
  await hurt(); await sleep(1000); t=performance.now(); await Promise.all([con.close(),pub.close()]); console.log(kind,'close with server away ms',(performance.now()-t).toFixed(0));
  await admin?.end().catch(()=>{});
  await stop().catch(()=>{});
 }
 process.exit(0);
})();
