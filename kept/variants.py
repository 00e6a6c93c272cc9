import sys,time,pickle; sys.path.insert(0,"/tmp/wt/world")
from pathlib import Path
from dataclasses import replace
import numpy as np
from joblib import Parallel, delayed
from tts_select.training.log.reading import read_log
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.fixed import board_of
from tts_select.training.replay.envelope import Envelope
from tts_select.training.replay.walks import draw_of, walk_in
from tts_select.selector.portfolio import Portfolio
import tts_select.selector.routers.first_steps as FS
log=read_log(Path("/tmp/sweep-train")); cases=cases_of(log)
folded,fold_of,unit,seed=pickle.load(open("/tmp/folded.pkl","rb"))
board=board_of(cases,Portfolio("x",log.manifest.arms),0)
acc=board.correct.mean(axis=(1,2)); cost=board.flops.mean(axis=(1,2))
env=Envelope.of(cost,acc)
PR=np.geomspace(3e-4,30,11)/unit
def frontier(label,routers,draws=2):
    t=time.time()
    some=[[c for c,f in zip(cases,fold_of) if f==k] for k in range(len(routers))]
    rep=[(r,c,draw_of(c,seed+d)) for r,c in zip(routers,some) for d in range(draws)]
    def point(p):
        ws=[w for x in rep for w in walk_in(*x,p)]
        return np.mean([w.correct for w in ws]),np.mean([w.flops for w in ws])
    pts=[point(p) for p in PR]
    a,c=np.array(pts).T
    e=Envelope.of(c,a)
    grid=np.geomspace(cost.min()*1.01,cost.max(),40)
    gap=[e.accuracy_at(g)-env.accuracy_at(g) for g in grid]
    print(label,"area %.4f worst %.4f"%(np.mean(gap),np.min(gap)),round(time.time()-t),"s")
    print("   "," ".join("%.3f@%.2g"%(x,y) for x,y in pts),flush=True)
if __name__=="__main__":
    o=np.argsort(cost); b=0
    for k in o:
        if acc[k]>b: b=acc[k]; print("  fixed %.3f %.3g %s"%(acc[k],cost[k],board.arms[k].name))
    frontier("baseline",folded)
    FS._first_round=lambda option: option.arm.budget
    frontier("alone arms run whole",folded)
    frontier("no first steps",[replace(r,first_steps=None) for r in folded])
    from tts_select.selector.routers.first_steps import FirstStep
    from tts_select.training.routers.lookahead.first_steps import play_out
    texts=[c.problem.problem for c in cases]
    whole=[]; b=0
    for k in o:
        if acc[k]>b+0.005: b=acc[k]; whole.append(FirstStep(board.arms[k].name, board.arms[k].budget))
    steps=tuple(dict.fromkeys([*folded[0].first_steps.steps,*whole]))
    print(steps,flush=True)
    import tts_select.training.routers.lookahead.first_steps as TF
    t=time.time(); played=play_out(folded,cases,fold_of,steps,unit=unit,seed=seed); print("played",time.time()-t,flush=True)
    pickle.dump(played,open("/tmp/played.pkl","wb"))
    new=[replace(r,first_steps=played.fitted(r.by_text.description,texts,fold_of!=k)) for k,r in enumerate(folded)]
    frontier("whole arms as steps, alone too (whole)",new)
    orig=FS.first_decision
    import tts_select.selector.routers.lookahead as L
    L.first_decision=lambda courses,alone,price,caps: orig(courses,(),price,caps)
    frontier("whole arms as steps, no alone",new)
